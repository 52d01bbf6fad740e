import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { History } from '../../src/shared/protocol/historyMessages.ts';
import { scripted, TestBed, type ControlClient } from '../support/testEngine.ts';

const callsOf = ({ servers }: History, name: string): number =>
  (servers.find(({ id }) => id === name)?.samples ?? []).reduce((sum, { calls }) => sum + calls, 0);

/** Samples are taken every 5 s: asks until they are as wanted. */
async function sampled(
  control: ControlClient,
  wanted: (history: History) => boolean,
  limitMs = 20_000,
): Promise<History> {
  const end = Date.now() + limitMs;
  for (;;) {
    const history = await control.history({ resolution: '5s' });
    if (wanted(history)) return history;
    if (Date.now() > end) assert.fail(`not sampled: ${JSON.stringify(history)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

describe('history and events over the control connection', () => {
  let bed: TestBed;
  beforeEach(() => {
    bed = new TestBed();
  });
  afterEach(() => bed.dispose());

  it('R11.1 R12.3 an engine that was killed leaves its history and its events to the next one, with a gap between', async () => {
    bed.configure({ s: scripted() });
    const first = await bed.startEngine();
    const client = await bed.session('s');
    for (let each = 0; each < 7; each += 1) await client.call('pid');
    const before = await sampled(first.control, (history) => callsOf(history, 's') === 7);
    const { samples } = before.servers.find(({ id }) => id === 's')!;
    assert.ok(samples.some(({ latency }) => latency !== undefined && latency.maxMs! >= latency.p50Ms));
    // One more round, so that what was told is with the system.
    await sampled(first.control, ({ servers }) => (servers[0]?.samples.at(-1)?.at ?? 0) > samples.at(-1)!.at);
    const gone = once(first.child, 'exit');
    process.kill(first.pid, 'SIGKILL');
    await gone;
    const second = await bed.startEngine();
    const earlier = await second.control.history();
    assert.equal(callsOf(earlier, 's'), 7, 'what an earlier client asks for');
    assert.ok(earlier.servers.every((server) => server.samples.every(({ ms }) => (ms ?? 0) <= 10_000)));
    for (const resolution of ['5s', '1m', '15m'] as const)
      assert.equal(callsOf(await second.control.history({ resolution }), 's'), 7, resolution);
    await client.call('pid');
    const after = await sampled(second.control, (history) => callsOf(history, 's') === 8);
    assert.ok(after.cursor !== undefined);
    const delta = await second.control.history({ resolution: '5s', since: after.cursor });
    assert.deepEqual([delta.isDelta, callsOf(delta, 's')], [true, 0]);

    const { events, cursor } = await second.control.events();
    const engine = events.filter(({ kind }) => kind === 'engine').map((event) => event.engine);
    assert.deepEqual(engine, ['started', 'lost', 'started']);
    const ready = events.filter(({ kind, to }) => kind === 'state' && to === 'ready');
    assert.equal(ready.length, 2, 'once with each engine');
    assert.ok(
      ready.every(({ server, from, ms }) => server === 's' && from === 'probing' && ms !== undefined),
    );
    await second.control.act('s', 'isolate');
    const news = await second.control.events({ since: cursor, kinds: ['action'] });
    assert.deepEqual(
      news.events.map(({ server, action, done }) => [server, action, done]),
      [['s', 'isolate', true]],
    );
    for (const name of readdirSync(join(bed.home, 'series', bed.window)))
      assert.equal(statSync(join(bed.home, 'series', bed.window, name)).mode & 0o777, 0o600);
  });

  it('R11.1 an engine that stops adds up what it has not told yet, and says that it stopped', async () => {
    bed.configure({ s: scripted() });
    const first = await bed.startEngine();
    const client = await bed.session('s');
    await client.call('pid');
    // Nothing was sampled yet.
    const gone = once(first.child, 'exit');
    process.kill(first.pid, 'SIGTERM');
    await gone;
    const { control } = await bed.startEngine();
    for (const resolution of ['5s', '1m', '15m'] as const)
      assert.equal(callsOf(await control.history({ resolution }), 's'), 1, resolution);
    const { events } = await control.events({ kinds: ['engine'] });
    assert.deepEqual(
      events.map(({ engine }) => engine),
      ['started', 'stopped', 'started'],
    );
  });

  it('R14.3 a home that takes nothing costs the memory of a reload only', async () => {
    bed.configure({ s: scripted({}, {}) });
    // A file in the folder's place refuses root too.
    const { writeFileSync } = await import('node:fs');
    writeFileSync(join(bed.home, 'series'), '');
    const { control } = await bed.startEngine();
    const client = await bed.session('s');
    await client.call('pid');
    await sampled(control, (history) => callsOf(history, 's') === 1);
    assert.ok((await control.events()).events.some(({ kind }) => kind === 'state'));
  });
});
