import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ServerSnapshot } from '../../src/shared/model/snapshot.ts';
import { textOf, type LineClient } from '../support/lineClient.ts';
import {
  changing,
  projectRoot,
  TestBed,
  type ControlClient,
  type ServerEntry,
} from '../support/testEngine.ts';

describe('a server that comes back with less', () => {
  let bed: TestBed;
  let control: ControlClient;
  let client: LineClient;
  const offer = (what: Record<string, unknown>): void =>
    writeFileSync(join(bed.home, 'offer.json'), JSON.stringify(what));
  const entry = (lifeline?: Record<string, unknown>): ServerEntry =>
    changing(join(bed.home, 'offer.json'), {}, lifeline);
  const kill = async (): Promise<void> => {
    const { metrics } = await control.server('s', ({ state }) => state === 'ready');
    process.kill(Number(textOf(await client.call('pid'))), 'SIGKILL');
    await control.server(
      's',
      (server) => server.state === 'ready' && server.metrics.restarts === metrics.restarts + 1,
    );
  };
  const shown = (wanted: (server: ServerSnapshot) => boolean): Promise<ServerSnapshot> =>
    control.server('s', wanted);
  const isDegraded = ({ degraded }: ServerSnapshot): boolean => degraded !== undefined;
  const tools = ['read', 'write', 'list'];

  beforeEach(async () => {
    bed = new TestBed();
    offer({ tools, prompts: ['p'] });
    bed.configure({ s: entry() });
    ({ control } = await bed.startEngine());
    client = await bed.session('s');
    const { degraded } = await shown((server) => server.catalogue?.tools === 3);
    assert.equal(degraded, undefined);
  });
  afterEach(() => bed.dispose());

  it('R5.10 is shown with what is missing and its client told; it is over when all of it is back', async () => {
    offer({ tools: ['write'], prompts: ['p'] });
    await kill();
    const { degraded, state } = await shown(isDegraded);
    assert.equal(state, 'ready');
    assert.equal(degraded?.reason, 'fewerTools');
    assert.deepEqual(degraded.missing, ['read', 'list']);
    await client.next('the announcement', ({ method }) => method === 'notifications/tools/list_changed');
    // Another restart brings back one: still degraded.
    offer({ tools: ['write', 'list'], prompts: ['p'] });
    await kill();
    assert.deepEqual((await shown(({ degraded: now }) => now?.missing.length === 1)).degraded?.missing, [
      'read',
    ]);
    offer({ tools, prompts: ['p'] });
    await kill();
    await shown((server) => !isDegraded(server));
  });

  it('R5.10 with no list at all any more it lacks everything', async () => {
    offer({ prompts: [] });
    await kill();
    const { degraded } = await shown(isDegraded);
    assert.match(
      degraded?.sentence ?? '',
      /all 3 tools \("read", "write", "list"\); the only prompt \("p"\)/,
    );
  });

  it('R5.10 what it announces itself while it runs is its own decision', async () => {
    offer({ tools: ['write'], prompts: ['p'] });
    await client.call('announce');
    await shown((server) => server.catalogue?.tools === 1);
    await kill();
    await client.request('tools/list');
    assert.equal((await shown(({ state }) => state === 'ready')).degraded, undefined);
    // And it ends what had been missed.
    offer({ tools: [], prompts: ['p'] });
    await kill();
    await shown(isDegraded);
    await client.call('announce');
    await shown((server) => !isDegraded(server));
  });

  it('R5.10 a new session is compared with what a process comes up with, not with what one had become', async () => {
    offer({ tools: [...tools, 'afterLogin'], prompts: ['p'] });
    await client.call('announce');
    await shown((server) => server.catalogue?.tools === 4);
    offer({ tools, prompts: ['p'] });
    const other = await bed.session('s');
    await shown((server) => server.catalogue?.tools === 3);
    assert.equal((await other.request('tools/list')).error, undefined);
    assert.equal((await control.snapshot()).servers[0]?.degraded, undefined);
  });

  it('R5.10 what it answered before its restart with something, and now with nothing, is named until it answers again', async () => {
    const answer = (text: string): void =>
      offer({ tools, prompts: ['p'], answers: { read: { content: [{ type: 'text', text }] } } });
    answer('the page');
    await client.request('tools/list');
    await client.call('read');
    answer('');
    // Not by a call: one that is not declared to change nothing might have emptied it.
    const { pids } = await shown(({ state }) => state === 'ready');
    process.kill(pids[0] ?? 0, 'SIGKILL');
    await shown((server) => server.state === 'ready' && server.metrics.restarts === 1);
    assert.equal(textOf(await client.call('read')), '');
    const { degraded } = await shown(isDegraded);
    assert.deepEqual([degraded?.reason, degraded?.missing], ['emptyAnswers', ['read']]);
    answer('the page');
    await client.call('read');
    await shown((server) => !isDegraded(server));
  });

  it('R5.10 can be accepted as it is', async () => {
    offer({ tools: ['write'], prompts: ['p'] });
    await kill();
    await shown(isDegraded);
    assert.equal((await control.act('s', 'acceptChange')).done, true);
    await shown((server) => !isDegraded(server));
    assert.equal((await control.act('s', 'acceptChange')).done, false);
    await kill();
    assert.equal((await control.snapshot()).servers[0]?.degraded, undefined);
  });

  it('R5.10 other settings of its start make it another server', async () => {
    offer({ tools: ['write'], prompts: ['p'] });
    await kill();
    await shown(isDegraded);
    bed.configure({ s: { ...entry(), cwd: projectRoot } });
    await control.configure(bed.configuration);
    await shown((server) => !isDegraded(server));
    await shown((server) => server.state === 'ready' && !isDegraded(server));
  });
});
