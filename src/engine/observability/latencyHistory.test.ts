import assert from 'node:assert/strict';
import { FakeClock } from '../../../test/support/fakeClock.ts';
import { getHistory } from '../../shared/protocol/engineMessages.ts';
import { LatencyRing } from './latency.ts';
import { LatencyHistory, type SampledServer } from './latencyHistory.ts';

interface TestServer extends SampledServer {
  state: SampledServer['state'];
  readonly counters: { successful: number; failed: number };
}

function serverOf(name: string, state: SampledServer['state'] = 'ready'): TestServer {
  return { name, state, latencyRing: new LatencyRing(), counters: { successful: 0, failed: 0 } };
}

function answer(server: TestServer, ...latencies: number[]): void {
  for (const ms of latencies) server.latencyRing.add(ms);
  server.counters.successful += latencies.length;
}

function given(...servers: TestServer[]) {
  const clock = new FakeClock();
  const list = [...servers];
  const history = new LatencyHistory(clock, () => list);
  const samplesOf = (name: string) => history.now.servers.find(({ id }) => id === name)?.samples ?? [];
  return { clock, history, list, samplesOf };
}

describe('latency ring', () => {
  it('answers percentiles of what was added after a count, and nothing when nothing was', () => {
    const ring = new LatencyRing();
    for (const ms of [900, 900, 1, 2, 3, 4]) ring.add(ms);
    assert.deepEqual(ring.since(2), { p50Ms: 2, p95Ms: 4, p99Ms: 4, lastMs: 4, samples: 4 });
    assert.equal(ring.since(6), undefined);
  });

  it('looks at the newest 256 of many', () => {
    const ring = new LatencyRing();
    for (let ms = 1; ms <= 1_000; ms += 1) ring.add(ms);
    const { samples, p50Ms, lastMs } = ring.since(100)!;
    assert.deepEqual([samples, p50Ms, lastMs], [256, 872, 1_000]);
    assert.deepEqual(ring.snapshot, ring.since(0));
  });
});

describe('latency history', () => {
  it('R12.3 takes one sample of each bucket, of its own calls alone', async () => {
    const server = serverOf('a');
    const { clock, samplesOf } = given(server);
    answer(server, 10, 20, 30);
    await clock.advance(5_000);
    answer(server, 1_000);
    server.counters.failed += 2;
    await clock.advance(5_000);
    const figures = samplesOf('a').map(({ calls, failures, latency }) => [calls, failures, latency]);
    assert.deepEqual(figures, [
      [3, 0, { p50Ms: 20, p95Ms: 30 }],
      [3, 2, { p50Ms: 1_000, p95Ms: 1_000 }],
    ]);
  });

  it('leaves a gap where nothing was called, and keeps the state', async () => {
    const server = serverOf('a');
    const { clock, samplesOf } = given(server);
    answer(server, 10);
    await clock.advance(5_000);
    server.state = 'recovering';
    await clock.advance(5_000);
    const last = samplesOf('a').at(-1);
    assert.deepEqual([last?.state, last?.calls, last?.latency], ['recovering', 0, undefined]);
  });

  it('keeps nothing of servers that nobody uses', async () => {
    const { clock, history } = given(serverOf('a', 'idle'), serverOf('b', 'stopped'));
    await clock.advance(60_000);
    assert.deepEqual(history.now.servers, []);
  });

  it('is bounded: five minutes, whatever happens', async () => {
    const server = serverOf('a');
    const { clock, samplesOf, history } = given(server);
    for (let bucket = 0; bucket < 200; bucket += 1) {
      answer(server, bucket);
      await clock.advance(5_000);
    }
    const samples = samplesOf('a');
    assert.equal(samples.length, 60);
    assert.equal(samples[0]?.latency?.p50Ms, 140);
    assert.ok(history.now.now - samples[0].at < history.now.windowMs);
  });

  it('forgets what is over by time, also when no new sample pushes it out', async () => {
    const server = serverOf('a');
    const { clock, samplesOf } = given(server);
    answer(server, 10);
    await clock.advance(5_000);
    server.state = 'idle';
    await clock.advance(299_000);
    assert.equal(samplesOf('a').length, 1);
    await clock.advance(2_000);
    assert.equal(samplesOf('a').length, 0);
  });

  it('forgets servers that are gone, and takes a new one of the same name for what it is', async () => {
    const server = serverOf('a');
    const { clock, list, samplesOf } = given(server);
    answer(server, 10, 10, 10);
    await clock.advance(5_000);
    const next = serverOf('a');
    answer(next, 20);
    list.splice(0, 1, next);
    await clock.advance(5_000);
    assert.deepEqual(
      samplesOf('a').map(({ calls, latency }) => [calls, latency?.p50Ms]),
      [
        [3, 10],
        [1, 20],
      ],
    );
    list.length = 0;
    await clock.advance(5_000);
    assert.deepEqual(samplesOf('a'), []);
  });

  it('speaks the protocol, and leaves no timer behind', async () => {
    const server = serverOf('a');
    const { clock, history } = given(server);
    answer(server, 10);
    await clock.advance(5_000);
    const answered: unknown = JSON.parse(JSON.stringify(history.now));
    assert.deepEqual(getHistory.parseResult(answered), answered);
    history.dispose();
    assert.equal(clock.pending, 0);
  });
});
