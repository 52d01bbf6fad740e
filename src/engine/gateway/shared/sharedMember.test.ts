import assert from 'node:assert/strict';
import { SharedMember } from './sharedMember.ts';
import type { SharedUpstream } from './sharedUpstream.ts';

describe('a session that shares its server', () => {
  const line = new Uint8Array();
  const given = (initialize = '{}') => {
    const seen: (string | undefined)[] = [];
    const client = {
      isBehind: false,
      onInitialized: () => undefined,
      onClientMessage: (_line: Uint8Array, about?: string) => void seen.push(about),
      onServerRequests: () => undefined,
      onToolsKnown: () => undefined,
      onProgress: () => true,
    };
    const left: boolean[] = [];
    const upstream = {
      state: 'ready',
      leave: (_member: SharedMember, forGood: boolean) => Promise.resolve(void left.push(forGood)),
    } as unknown as SharedUpstream;
    const member = new SharedMember(upstream, client, initialize, (error) => assert.fail(String(error)));
    return { member, client, seen, left };
  };

  it('R14.3 misses what it did not ask for while it reads too slowly, and makes nobody wait', () => {
    const { member, client, seen } = given();
    member.tell(line, '1');
    client.isBehind = true;
    member.tell(line, '2');
    client.isBehind = false;
    member.tell(line, '3');
    assert.deepEqual(seen, ['1', '3']);
    assert.equal(member.leftOut, 1);
    assert.equal(member.currentLaunch, undefined);
  });

  it('R3.3 leaves once, and is stopped from then on', async () => {
    const { member, left } = given();
    const states: string[] = [];
    member.onDidChange((state) => states.push(state));
    await member.stop(false);
    await member.stop();
    assert.deepEqual(left, [false]);
    assert.deepEqual(states, ['stopped']);
    assert.deepEqual([member.state, member.usableLaunch, member.isFirstStart], ['stopped', undefined, false]);
  });

  it('R3.5 can be asked for what it declared, and for nothing when it declared nothing that can be read', () => {
    assert.equal(given('{"capabilities":{"roots":{}}}').member.hasCapability('roots'), true);
    for (const initialize of ['{"capabilities":{"roots":{}}}', '{"capabilities":7}', 'not json'])
      assert.equal(given(initialize).member.hasCapability('sampling'), false);
  });
});
