import assert from 'node:assert/strict';
import type { Call } from '../../pipeline/call.ts';
import type { Launch } from '../../upstream/launch.ts';
import { withPromisedVersion } from '../initializePromise.ts';
import { isLoud, mostVerbose } from './logLevels.ts';
import { OpenCalls } from './openCalls.ts';
import { changes, merge, subscribersOf } from './sharedState.ts';
import { whoIsAsked, type Question } from './whoIsAsked.ts';

describe('levels of the log at a shared server', () => {
  it('R3.5 the server is told the most verbose one that anybody asked for', () => {
    assert.equal(mostVerbose(['error', undefined, 'notice', 'loud']), 'notice');
    assert.equal(mostVerbose([undefined, 'loud']), undefined);
  });

  for (const [level, own, told, expected] of [
    ['debug', 'info', 'debug', false],
    ['info', 'info', 'debug', true],
    ['emergency', 'alert', 'debug', true],
    ['debug', undefined, 'debug', false],
    ['info', undefined, 'debug', true],
    ['debug', undefined, undefined, true],
    ['strange', 'emergency', 'debug', true],
    [undefined, 'emergency', 'debug', true],
  ] as const) {
    it(`R3.5 ${level} is ${expected ? '' : 'not '}for who asked for ${own}, where ${told} was told`, () => {
      assert.equal(isLoud(level, own, told), expected);
    });
  }
});

describe('what sessions set at a shared server', () => {
  const state = (logLevel: string | undefined, ...subscriptions: string[]) => ({ logLevel, subscriptions });

  it('R3.2 is taken together, and told by the differences', () => {
    const before = merge([state('error', 'a', 'b'), state(undefined, 'b')]);
    assert.deepEqual(before, { logLevel: 'error', subscriptions: new Set(['a', 'b']) });
    const after = merge([state('error', 'b'), state('info', 'c')]);
    assert.deepEqual(changes(before, after), [
      { method: 'logging/setLevel', params: { level: 'info' } },
      { method: 'resources/subscribe', params: { uri: 'c' } },
      { method: 'resources/unsubscribe', params: { uri: 'a' } },
    ]);
    assert.deepEqual(changes(after, after), []);
  });

  it('R3.2 a level cannot be taken back', () => {
    assert.deepEqual(changes(merge([state('info')]), merge([])), []);
  });

  it('R3.5 an update is for its subscribers, and one that nobody named for all that subscribed', () => {
    const members = [{ uris: ['a'] }, { uris: ['a', 'b'] }, { uris: [] }];
    const of = (uri: string | undefined): unknown[] => subscribersOf(uri, members, ({ uris }) => uris);
    assert.deepEqual(of('b'), [members[1]]);
    assert.deepEqual(of('a'), [members[0], members[1]]);
    assert.deepEqual(of('a/part'), [members[0], members[1]]);
    assert.deepEqual(of(undefined), [members[0], members[1]]);
  });
});

describe('whom a shared server asks', () => {
  interface Entry {
    readonly member: string;
    readonly call: { readonly method: string };
  }
  const entry = (member: string, method = 'tools/call'): Entry => ({ member, call: { method } });
  const asked = (question: Partial<Question<string, Entry>>): string | undefined =>
    whoIsAsked<string, Entry>({
      method: 'sampling/createMessage',
      about: undefined,
      open: [],
      members: ['a', 'b', 'c'],
      hasCapability: (member, capability) => capability === 'sampling' && member !== 'c',
      ...question,
    })?.member;

  it('R3.5 the client that the transport names', () => {
    assert.equal(asked({ about: entry('b'), open: [entry('b'), entry('a')] }), 'b');
  });

  it('R3.5 else the one whose call was written last of those in whose course a server may ask', () => {
    assert.equal(asked({ open: [entry('b'), entry('a'), entry('b', 'tools/list')] }), 'a');
    assert.equal(asked({ open: [entry('a', 'tools/list'), entry('b', 'resources/list')] }), 'b');
  });

  it('R3.5 else the one that used it last among those that can be asked', () => {
    assert.equal(asked({}), 'b');
    assert.equal(asked({ method: 'ping' }), 'c');
  });

  it('R3.5 and nobody in the place of one that cannot', () => {
    assert.equal(asked({ open: [entry('a'), entry('c')] }), undefined);
    assert.equal(asked({ about: entry('c'), open: [entry('a')] }), undefined);
    assert.equal(asked({ method: 'elicitation/create' }), undefined);
  });
});

describe('open calls of a shared server', () => {
  const launch = {} as unknown as Launch;
  const given = () => ({ table: new OpenCalls<string, { openCalls: number }>(), slot: { openCalls: 0 } });
  const call = (id: string, over: Partial<Call> = {}): Call =>
    ({ id: '1', wire: { id }, delivery: 'written', progressToken: undefined, ...over }) as Call;

  it('R3.5 are told apart by the id that the server knows, and counted where they are', () => {
    const { table, slot } = given();
    const other = { openCalls: 0 };
    table.add({ call: call('1'), member: 'a', slot, launch });
    table.add({ call: call('2'), member: 'b', slot, launch });
    assert.equal(table.find('2')?.member, 'b');
    assert.equal(slot.openCalls, 2);
    // It is tried again, elsewhere.
    table.add({ call: call('1'), member: 'a', slot: other, launch });
    assert.deepEqual([slot.openCalls, other.openCalls], [1, 1]);
    assert.deepEqual(
      table.writtenTo(launch).map(({ member }) => member),
      ['b', 'a'],
    );
    table.remove('1');
    table.remove('1');
    assert.deepEqual([slot.openCalls, other.openCalls], [1, 0]);
  });

  it('R3.5 count as written only while they are', () => {
    const { table, slot } = given();
    table.add({ call: call('1', { delivery: 'queued' }), member: 'a', slot, launch });
    table.add({ call: call('2', { delivery: 'done' }), member: 'a', slot, launch });
    assert.deepEqual(table.writtenTo(launch), []);
  });

  it('R3.5 a task keeps its token when its call is answered, until its client leaves', () => {
    const { table, slot } = given();
    table.add({ call: call('1', { isTask: true, progressToken: '"t"' }), member: 'a', slot, launch });
    table.add({ call: call('2', { isTask: false, progressToken: '"t"' }), member: 'a', slot, launch });
    table.remove('1');
    table.remove('2');
    assert.equal(table.findByToken('1')?.member, 'a');
    assert.equal(table.findByToken('2'), undefined);
    table.forget('a');
    assert.equal(table.findByToken('1'), undefined);
    assert.equal(slot.openCalls, 0);
  });

  it('R3.3 keep no more tokens of tasks than they may', () => {
    const { table, slot } = given();
    for (let n = 0; n < 1_001; n += 1) {
      table.add({ call: call(`${n}`, { isTask: true, progressToken: '"t"' }), member: 'a', slot, launch });
      table.remove(`${n}`);
    }
    assert.equal(table.findByToken('0'), undefined);
    assert.equal(table.findByToken('1')?.member, 'a');
  });
});

describe('the version that a resumed session was promised', () => {
  const initialize = '{"protocolVersion":"2025-11-25","capabilities":{}}';
  it('R3.4 is asked for again', () => {
    assert.equal(
      withPromisedVersion(initialize, '{"protocolVersion":"2025-06-18","serverInfo":{}}'),
      '{"protocolVersion":"2025-06-18","capabilities":{}}',
    );
    assert.equal(withPromisedVersion(initialize, undefined), initialize);
  });
});
