import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { FakeClock } from '../../../../test/support/fakeClock.ts';
import { toDisposable } from '../../../shared/base/disposable.ts';
import {
  getHistory,
  joinHistory,
  type History,
  type HistoryParams,
  type HistorySample,
  type Resolution,
} from '../../../shared/protocol/historyMessages.ts';
import type { LatencyClasses } from './compactHistogram.ts';
import { SeriesHistory } from './seriesHistory.ts';
import type { SampledServer } from './sampler.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A server whose counters a test moves by hand. */
class TestServer implements Mutable<SampledServer> {
  readonly key = {};
  readonly name: string;
  readonly #clock: FakeClock;
  readonly #sinks = new Set<LatencyClasses>();
  #state: SampledServer['state'];
  #since: number;
  #usableMs = 0;
  #downMs = 0;
  breaker: SampledServer['breaker'] = 'closed';
  calls = 0;
  failures = 0;
  retries = 0;
  restarts = 0;
  queued = 0;

  constructor(name: string, clock: FakeClock, state: SampledServer['state'] = 'ready') {
    this.name = name;
    this.#clock = clock;
    this.#state = state;
    this.#since = clock.now();
  }

  get state(): SampledServer['state'] {
    return this.#state;
  }

  set state(state: SampledServer['state']) {
    this.#usableMs = this.usableMs;
    this.#downMs = this.downMs;
    this.#since = this.#clock.now();
    this.#state = state;
  }

  get usableMs(): number {
    return this.#usableMs + (this.#state === 'ready' ? this.#clock.now() - this.#since : 0);
  }

  get downMs(): number {
    return this.#downMs + (this.#state === 'recovering' ? this.#clock.now() - this.#since : 0);
  }

  get followers(): number {
    return this.#sinks.size;
  }

  answer(...latencies: number[]): void {
    this.calls += latencies.length;
    for (const sink of this.#sinks) for (const ms of latencies) sink.record(ms);
  }

  fail(count = 1): void {
    this.calls += count;
    this.failures += count;
  }

  follow(sink: LatencyClasses) {
    this.#sinks.add(sink);
    return toDisposable(() => this.#sinks.delete(sink));
  }
}

describe('series of the servers', () => {
  let folder: string;
  let clock: FakeClock;
  let servers: TestServer[];
  let notes: string[];
  let histories: SeriesHistory[];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lifeline-series-'));
    clock = new FakeClock();
    servers = [];
    notes = [];
    histories = [];
  });
  afterEach(async () => {
    for (const history of histories) await history.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const add = (name: string, state?: SampledServer['state']): TestServer => {
    const server = new TestServer(name, clock, state);
    servers.push(server);
    return server;
  };
  /** An engine begins; one before it that was not stopped was killed. */
  async function begin(): Promise<SeriesHistory> {
    const history = new SeriesHistory({
      clock,
      folder,
      servers: () => servers,
      note: (text) => notes.push(text),
    });
    histories.push(history);
    await history.query({});
    return history;
  }
  /** The engine is killed: what it has not written is gone, and it does nothing more. */
  async function kill(history: SeriesHistory): Promise<void> {
    await history.flush();
    const files = readdirSync(folder).map(
      (file) => [join(folder, file), readFileSync(join(folder, file))] as const,
    );
    await history.stop();
    for (const file of readdirSync(folder)) rmSync(join(folder, file));
    for (const [file, bytes] of files) writeFileSync(file, bytes);
    histories.splice(histories.indexOf(history), 1);
    servers = servers.map(({ name, state }) => new TestServer(name, clock, state));
  }
  const samplesOf = async (
    history: SeriesHistory,
    name: string,
    resolution: Resolution = '5s',
    more: Partial<HistoryParams> = {},
  ): Promise<HistorySample[]> => {
    const answer = await history.query({ resolution, ...more });
    assert.deepEqual(getHistory.parseResult(JSON.parse(JSON.stringify(answer))), answer);
    return answer.servers.find(({ id }) => id === name)?.samples ?? [];
  };
  const sums = (samples: readonly HistorySample[]) => ({
    calls: samples.reduce((sum, { calls }) => sum + calls, 0),
    failures: samples.reduce((sum, { failures }) => sum + failures, 0),
    retries: samples.reduce((sum, { retries }) => sum + (retries ?? 0), 0),
    restarts: samples.reduce((sum, { restarts }) => sum + (restarts ?? 0), 0),
  });

  it('R11.1 tells of each bucket its own calls, and their latencies', async () => {
    const a = add('a');
    const history = await begin();
    a.answer(10, 20, 30);
    await clock.advance(5_000);
    a.answer(1_000);
    a.fail(2);
    a.retries = 3;
    a.queued = 4;
    await clock.advance(5_000);
    const [first, second] = await samplesOf(history, 'a');
    assert.deepEqual([first?.calls, first?.failures, first?.usable, first?.ms], [3, 0, 1, undefined]);
    const { p50Ms, p95Ms, maxMs } = first!.latency!;
    assert.ok(Math.abs(p50Ms - 20) <= 20 * 0.045, String(p50Ms));
    assert.deepEqual([p95Ms, maxMs], [30, 30]);
    assert.deepEqual([second?.calls, second?.failures, second?.retries, second?.queued], [3, 2, 3, 4]);
    assert.equal(second?.latency?.maxMs, 1_000);
  });

  it('R11.1 a time in which nothing happens is one sample, that grows, and is hardly written', async () => {
    const a = add('a');
    const history = await begin();
    a.answer(1);
    await clock.advance(300_000);
    const samples = await samplesOf(history, 'a');
    assert.deepEqual(
      samples.map(({ ms, calls, state, usable }) => [ms ?? 5_000, calls, state, usable]),
      [
        [5_000, 1, 'ready', 1],
        [295_000, 0, 'ready', 1],
      ],
    );
    const [name = ''] = readdirSync(folder).filter((file) => file.startsWith('5s'));
    assert.ok(statSync(join(folder, name)).size < 400);
  });

  it('R11.1 a state that was there only between two samples is told', async () => {
    const a = add('a');
    const history = await begin();
    await clock.advance(5_000);
    a.state = 'recovering';
    history.onEvent({ kind: 'state', server: 'a', connection: 'c', from: 'ready', to: 'broken', spentMs: 1 });
    history.onEvent({ kind: 'breaker', server: 'a', state: 'open' });
    await clock.advance(1_000);
    a.state = 'ready';
    a.restarts = 1;
    await clock.advance(4_000);
    const last = (await samplesOf(history, 'a')).at(-1);
    assert.deepEqual(
      [last?.state, last?.worst, last?.breaker, last?.restarts, last?.usable, last?.down],
      ['ready', 'broken', 'open', 1, 0.8, 0.2],
    );
  });

  it('R11.1 what was before a reload, and before an engine was killed, is there; the time between is a gap', async () => {
    const a = add('a');
    let history = await begin();
    a.answer(10);
    await clock.advance(35_000);
    await kill(history);
    await clock.advance(60_000);
    history = await begin();
    servers[0]!.answer(20);
    await clock.advance(5_000);
    const samples = await samplesOf(history, 'a');
    assert.equal(sums(samples).calls, 2);
    const before = samples.filter(({ at }) => at < clock.wallNow() - 30_000);
    assert.equal(before[0]?.latency?.maxMs, 10);
    const after = samples.at(-1)!;
    // From the kill to the first sample of the next engine nothing is told.
    assert.ok(after.at - (after.ms ?? 5_000) - before.at(-1)!.at >= 60_000);
    assert.equal(sums(await samplesOf(history, 'a', '1m')).calls, 2);
    assert.equal(sums(await samplesOf(history, 'a', '15m')).calls, 2);
  });

  it('R11.1 a machine that slept, and a clock that was put forward or back, leave a gap and no nonsense', async () => {
    const a = add('a');
    const history = await begin();
    await clock.advance(10_000);
    clock.sleep(3_600_000);
    a.answer(5);
    await clock.advance(10_000);
    const minute = await samplesOf(history, 'a', '1m');
    const gap = minute[1]!.at - (minute[1]!.ms ?? 60_000) - minute[0]!.at;
    assert.ok(gap >= 3_590_000 && gap <= 3_600_000, String(gap));
    assert.equal(sums(minute).calls, 1);
    assert.ok(minute.every(({ ms }) => ms !== undefined && ms <= 20_000));
    clock.sleep(-1_800_000);
    a.answer(5);
    await clock.advance(10_000);
    const later = await samplesOf(history, 'a', '1m');
    assert.ok(later.every(({ at }) => at <= clock.wallNow()));
    assert.equal(sums(later).calls, 0 + later.reduce((sum, { calls }) => sum + calls, 0));
    clock.sleep(1_800_000);
    await clock.advance(5_000);
    assert.equal(sums(await samplesOf(history, 'a', '1m')).calls, 2);
  });

  it('R11.1 a process that stood still tells of its last interval only', async () => {
    const a = add('a');
    const history = await begin();
    await clock.advance(5_000);
    clock.stall(120_000);
    a.answer(7);
    await clock.advance(1_000);
    const [first, second] = await samplesOf(history, 'a');
    assert.equal(second?.calls, 1);
    assert.ok(second.at - (second.ms ?? 5_000) - first!.at > 100_000);
  });

  it('a server that leaves the settings ends there; one that comes back is not counted twice', async () => {
    const a = add('a');
    add('b');
    const history = await begin();
    a.answer(1, 2, 3);
    await clock.advance(20_000);
    servers = servers.filter(({ name }) => name !== 'a');
    await clock.advance(60_000);
    assert.equal(a.followers, 0);
    servers.push(a);
    a.answer(4);
    await clock.advance(120_000);
    for (const resolution of ['5s', '1m', '15m'] as const)
      assert.equal(sums(await samplesOf(history, 'a', resolution)).calls, 4, resolution);
    const fine = await samplesOf(history, 'a');
    assert.ok(
      fine.some(({ at, ms }, index) => index > 0 && at - (ms ?? 5_000) - fine[index - 1]!.at >= 55_000),
    );
  });

  it('R11.1 the calls of a server that was just added are told from the first one on', async () => {
    const history = await begin();
    await clock.advance(5_000);
    const late = add('late');
    history.onEvent({ kind: 'configuration', servers: ['late'] });
    late.answer(40);
    await clock.advance(5_000);
    const [first] = await samplesOf(history, 'late');
    assert.deepEqual([first?.calls, first?.latency?.maxMs], [1, 40]);
  });

  it('R11.1 a restart of a server of the same name, with counters from 0, is counted as it is', async () => {
    const a = add('a');
    const history = await begin();
    a.answer(1, 1, 1);
    await clock.advance(5_000);
    servers = [];
    add('a').answer(9);
    await clock.advance(5_000);
    const [, second] = await samplesOf(history, 'a');
    assert.equal(second?.calls, 1);
  });

  it('R12.3 tells an earlier client what it always was told: five minutes, a sample each 5 s, none of idle servers', async () => {
    const a = add('a');
    add('idle', 'idle');
    const history = await begin();
    a.answer(3);
    await clock.advance(400_000);
    const answer = await history.query({});
    assert.deepEqual(
      [answer.intervalMs, answer.windowMs, answer.cursor, answer.servers.map(({ id }) => id)],
      [5_000, 300_000, undefined, ['a']],
    );
    const { samples } = answer.servers[0]!;
    assert.equal(samples.length, 60);
    assert.ok(samples.every(({ ms }) => ms === undefined));
    const idle = await samplesOf(history, 'idle');
    assert.deepEqual([idle.length, idle[0]?.state, idle[0]?.usable], [1, 'idle', undefined]);
  });

  it('tells of the servers, the time and the resolution that are asked for', async () => {
    add('a').answer(1);
    add('b');
    const history = await begin();
    await clock.advance(120_000);
    const answer = await history.query({ resolution: '5s', servers: ['b'], rangeMs: 30_000 });
    assert.deepEqual(
      answer.servers.map(({ id }) => id),
      ['b'],
    );
    assert.equal(answer.windowMs, 30_000);
    assert.deepEqual((await history.query({ resolution: '15m' })).intervalMs, 900_000);
  });

  it('R12.3 what is told since a cursor makes, joined, the same as everything; a cursor of another engine gets everything', async () => {
    const a = add('a');
    const b = add('b');
    let history = await begin();
    const known = new Map<Resolution, History>();
    const names = ['5s', '1m', '15m'] as const;
    for (let round = 0; round < 80; round += 1) {
      if (round % 7 === 0) a.answer(round + 1);
      if (round % 31 === 0) b.state = b.state === 'ready' ? 'recovering' : 'ready';
      await clock.advance(round % 3 === 0 ? 25_000 : 5_000);
      for (const resolution of names) {
        const since = known.get(resolution)?.cursor;
        const answer = await history.query({ resolution, ...(since === undefined ? {} : { since }) });
        assert.equal(answer.isDelta === true, since !== undefined, `${resolution} ${round}`);
        const before = known.get(resolution);
        assert.ok(answer.cursor !== undefined, 'also before the first bucket is closed');
        known.set(resolution, before === undefined ? answer : joinHistory(before, answer));
      }
    }
    for (const resolution of names) {
      const whole = await history.query({ resolution });
      const joined = known.get(resolution)!;
      for (const { id, samples } of whole.servers) {
        const own = joined.servers.find((server) => server.id === id)?.samples ?? [];
        assert.deepEqual(sums(own), sums(samples), `${resolution} ${id}`);
        const covered = (all: readonly HistorySample[]): number =>
          all.reduce((sum, { ms }) => sum + (ms ?? whole.intervalMs), 0);
        assert.equal(covered(own), covered(samples), `${resolution} ${id}`);
      }
    }
    const since = known.get('5s')!.cursor!;
    const size = JSON.stringify(await history.query({ resolution: '5s', since })).length;
    assert.ok(size * 3 < JSON.stringify(await history.query({ resolution: '5s' })).length, String(size));
    await kill(history);
    history = await begin();
    await clock.advance(5_000);
    assert.equal((await history.query({ resolution: '5s', since })).isDelta, undefined);
    assert.equal((await history.query({ resolution: '5s', since: 'x' })).isDelta, undefined);
  });

  it('R11.1 counts are conserved by every roll-up, every kill and every reload', async function () {
    this.timeout(120_000);
    const step = fc.record({
      ok: fc.nat(3),
      failed: fc.nat(2),
      retries: fc.nat(2),
      restarts: fc.nat(1),
      waitMs: fc.constantFrom(1_000, 5_000, 61_000, 300_000, 901_000),
      what: fc.constantFrom('go on', 'go on', 'go on', 'kill', 'stop', 'sleep'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        for (const name of readdirSync(folder)) rmSync(join(folder, name));
        servers = [];
        clock = new FakeClock();
        add('a');
        let history = await begin();
        const expected = { calls: 0, failures: 0, retries: 0, restarts: 0 };
        const begun = clock.wallNow();
        for (const { ok, failed, retries, restarts, waitMs, what } of steps) {
          const server = servers[0]!;
          server.answer(...Array<number>(ok).fill(3));
          server.fail(failed);
          server.retries += retries;
          server.restarts += restarts;
          expected.calls += ok + failed;
          expected.failures += failed;
          expected.retries += retries;
          expected.restarts += restarts;
          // Up to the next sample, so that all of it was seen when somebody kills it.
          await clock.advanceQuickly(5_000);
          await clock.advanceQuickly(waitMs);
          if (what === 'sleep') clock.sleep(waitMs);
          if (what === 'go on' || what === 'sleep') continue;
          if (what === 'kill') await kill(history);
          else {
            await history.stop();
            histories.splice(0);
            servers = [new TestServer('a', clock)];
          }
          await clock.advanceQuickly(waitMs);
          history = await begin();
        }
        await clock.advanceQuickly(5_000);
        if (clock.wallNow() - begun < 500_000)
          assert.deepEqual(sums(await samplesOf(history, 'a', '5s')), expected);
        for (const resolution of ['1m', '15m'] as const) {
          const samples = await samplesOf(history, 'a', resolution);
          assert.deepEqual(sums(samples), expected, resolution);
          // Nothing is told twice.
          const intervalMs = resolution === '1m' ? 60_000 : 900_000;
          samples.forEach(({ at, ms }, index) => {
            const before = samples[index - 1];
            if (before !== undefined) assert.ok(at - (ms ?? intervalMs) >= before.at);
          });
        }
        await history.stop();
        histories.splice(0);
      }),
      { numRuns: 60 },
    );
  });

  it('R14.3 damage anywhere in any file costs what it hit, is told once, and breaks nothing', async () => {
    const a = add('a');
    let history = await begin();
    for (let round = 0; round < 30; round += 1) {
      a.answer(round);
      await clock.advance(5_000);
    }
    await history.stop();
    histories.splice(0);
    const files = readdirSync(folder).map((name) => join(folder, name));
    const bytes = files.map((file) => readFileSync(file));
    for (const [index, file] of files.entries()) {
      const whole = bytes[index]!;
      for (let at = 0; at < whole.length; at += 7) {
        const broken = Buffer.from(whole);
        broken[at] = broken[at]! ^ 0x55;
        for (const content of [broken, whole.subarray(0, at)]) {
          writeFileSync(file, content);
          history = await begin();
          for (const resolution of ['5s', '1m', '15m'] as const) {
            const { calls } = sums(await samplesOf(history, 'a', resolution));
            assert.ok(calls <= 30, `${resolution} ${calls}`);
            if (content === broken && resolution === '5s') assert.ok(calls >= 29, `${at}: ${calls}`);
          }
          await kill(history);
        }
        files.forEach((name, other) => writeFileSync(name, bytes[other]!));
      }
    }
    assert.ok(notes.length > 0 && notes.every((text) => text.includes('cannot be read and are left out')));
  }).timeout(60_000);

  it('leaves no timer behind', async () => {
    add('a');
    const history = await begin();
    await clock.advance(5_000);
    await history.stop();
    assert.equal(clock.pending, 0);
    assert.equal(servers[0]!.followers, 0);
  });
});
