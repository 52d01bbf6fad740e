import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { noteOf, textOf, type LineClient } from '../support/lineClient.ts';
import { changing, TestBed, until, type ControlClient, type ServerEntry } from '../support/testEngine.ts';

describe('a server that has lost its memory', () => {
  let bed: TestBed;
  const structured = { structuredContent: { open: 2 }, content: [{ type: 'text', text: '{"open":2}' }] };
  const entry = (lifeline?: Record<string, unknown>): ServerEntry =>
    changing(join(bed.home, 'offer.json'), {}, lifeline);
  const restarted = (control: ControlClient, name: string, restarts: number): Promise<unknown> =>
    control.server(name, ({ state, metrics }) => state === 'ready' && metrics.restarts === restarts);
  const kill = async (control: ControlClient, client: LineClient, name = 's'): Promise<void> => {
    process.kill(Number(textOf(await client.call('pid'))), 'SIGKILL');
    await restarted(control, name, 1);
  };
  beforeEach(() => {
    bed = new TestBed();
    const answers = { structured, empty: { content: [] } };
    writeFileSync(join(bed.home, 'offer.json'), JSON.stringify({ tools: ['pid'], answers }));
    bed.configure({ s: entry() });
  });
  afterEach(() => bed.dispose());

  it('R5.11 the next result says so, once; the rest of it is as the server gave it', async () => {
    const { control } = await bed.startEngine();
    const client = await bed.session('s');
    assert.equal(noteOf(await client.call('pid')), undefined);
    await kill(control, client);
    const result = await client.call('structured');
    assert.match(noteOf(result) ?? '', /"s" was restarted/);
    const { content, ...rest } = result as unknown as typeof structured;
    assert.ok(isDeepStrictEqual({ ...rest, content: content.slice(0, 1) }, structured));
    assert.deepEqual(await client.call('structured'), structured);
  });

  it('R5.11 an empty result says so too', async () => {
    const { control } = await bed.startEngine();
    const client = await bed.session('s');
    await kill(control, client);
    const { content } = await client.call('empty');
    assert.equal(content.length, 1);
  });

  it('R5.11 a session that had used no tool is told nothing', async () => {
    const { control } = await bed.startEngine();
    const user = await bed.session('s');
    const other = await bed.session('s');
    await other.request('tools/list');
    const { pids } = await control.server('s', (server) => server.pids.length === 2);
    const own = Number(textOf(await user.call('pid')));
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    await restarted(control, 's', 2);
    assert.notEqual(noteOf(await user.call('pid')), undefined);
    assert.equal(noteOf(await other.call('pid')), undefined);
    assert.ok(own > 0);
  });

  it('R5.11 also after a restart that a person asked for: the model did not', async () => {
    const { control } = await bed.startEngine();
    const client = await bed.session('s');
    await client.call('pid');
    await control.recover('s', 'restart');
    assert.notEqual(noteOf(await client.call('pid')), undefined);
  });

  it('R5.11 R3.4 also when the engine was killed, and its servers with it', async () => {
    const { child } = await bed.startEngine();
    const client = await bed.session('s');
    await client.call('pid'); // not declared read-only: it may have left something in memory
    child.kill('SIGKILL');
    await until('the engine to be gone', () => child.exitCode !== null || child.signalCode !== null);
    await bed.startEngine();
    assert.notEqual(noteOf(await client.call('pid')), undefined);
    assert.equal(noteOf(await client.call('pid')), undefined);
  });

  it('R5.11 not where that is not wanted, in general or of this server', async () => {
    bed.configure({ off: entry({ tellRestarts: false }), on: entry({ tellRestarts: true }), s: entry() });
    bed.tellRestarts = false;
    const { control } = await bed.startEngine();
    for (const [name, isTold] of [
      ['off', false],
      ['on', true],
      ['s', false],
    ] as const) {
      const client = await bed.session(name);
      await kill(control, client, name);
      assert.equal(noteOf(await client.call('pid')) !== undefined, isTold, name);
    }
  });
});
