import assert from 'node:assert/strict';
import fc from 'fast-check';
import { LatencyRecorder, type LatencyFigures } from './latencyRecorder.ts';

const SLOT_MS = 60_000;
/** Two significant figures. */
const TOLERANCE = 0.01;
const NONE: LatencyFigures = { samples: 0, p50Ms: 0, p95Ms: 0, p99Ms: 0, maxMs: 0, meanMs: 0 };

function given() {
  let now = 0;
  const recorder = new LatencyRecorder(() => now);
  return {
    recorder,
    at: (ms: number) => (now = ms),
    record: (...all: number[]) => all.forEach((ms) => recorder.record(ms, now)),
    recent: () => recorder.recent ?? NONE,
    lifetime: () => recorder.lifetime ?? NONE,
  };
}

/** Of everything, by the rank that HdrHistogram takes: the nearest, not the next. */
function exact(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(1, Math.floor((percent / 100) * sorted.length + 0.5)) - 1]!;
}

function assertNear(actual: number, wanted: number): void {
  // A microsecond is the unit.
  assert.ok(Math.abs(actual - wanted) <= wanted * TOLERANCE + 0.001, `${actual} for ${wanted}`);
}

describe('latency recorder', () => {
  it('R11.1 knows nothing before the first call', () => {
    const { recorder } = given();
    assert.equal(recorder.recent, undefined);
    assert.equal(recorder.lifetime, undefined);
  });

  it('R11.1 answers percentiles to two significant figures, of any latencies', () => {
    const latency = fc.double({ min: 0.001, max: 600_000, noNaN: true });
    fc.assert(
      fc.property(fc.array(latency, { minLength: 1, maxLength: 300 }), (values) => {
        const { recent, lifetime, record } = given();
        record(...values);
        for (const figures of [recent(), lifetime()]) {
          assert.equal(figures.samples, values.length);
          assertNear(figures.p50Ms, exact(values, 50));
          assertNear(figures.p95Ms, exact(values, 95));
          assertNear(figures.p99Ms, exact(values, 99));
          assertNear(figures.maxMs, Math.max(...values));
        }
      }),
      { numRuns: 100 },
    );
  });

  it('R11.1 counts what is out of its range as the end of it', () => {
    const { recorder, record, lifetime } = given();
    record(0, 10_000_000);
    assert.equal(lifetime().samples, 2);
    assert.equal(lifetime().p50Ms, 0.001);
    assertNear(lifetime().maxMs, 600_000);
    assert.equal(recorder.lastMs, 10_000_000);
  });

  it('R11.1 the recent figures follow the present, those of its life keep everything', () => {
    const { recent, lifetime, record, at } = given();
    record(...Array<number>(1_000).fill(1_000));
    at(5 * SLOT_MS - 1);
    record(10);
    assert.equal(recent().samples, 1_001);
    at(5 * SLOT_MS);
    assert.equal(recent().samples, 1);
    assertNear(recent().p99Ms, 10);
    assert.equal(lifetime().samples, 1_001);
    assertNear(lifetime().p50Ms, 1_000);
  });

  it('R11.1 shows the last minute with an answer when the window has none', () => {
    const { recent, record, at } = given();
    record(20);
    at(SLOT_MS);
    record(30);
    at(500 * SLOT_MS);
    assert.equal(recent().samples, 1);
    assertNear(recent().p50Ms, 30);
    record(40);
    assert.equal(recent().samples, 1);
    assertNear(recent().p50Ms, 40);
  });

  it('R11.1 the recent figures are those of the calls of the last five minutes, whenever they came', () => {
    const call = fc.record({
      afterMs: fc.integer({ min: 0, max: 3 * SLOT_MS }),
      ms: fc.constantFrom(1, 50, 900),
    });
    fc.assert(
      fc.property(fc.array(call, { minLength: 1, maxLength: 60 }), (calls) => {
        const { recorder, recent, at } = given();
        const all: { slot: number; ms: number }[] = [];
        let now = 0;
        for (const { afterMs, ms } of calls) {
          now += afterMs;
          at(now);
          recorder.record(ms, now);
          all.push({ slot: Math.floor(now / SLOT_MS), ms });
          const first = Math.floor(now / SLOT_MS) - 4;
          const wanted = all.filter(({ slot }) => slot >= first).map((one) => one.ms);
          assert.equal(recent().samples, wanted.length);
          assertNear(recent().p50Ms, exact(wanted, 50));
        }
      }),
      { numRuns: 100 },
    );
  });

  it('R11.1 who follows is told of every latency as it was, until it follows no longer', () => {
    const { recorder, record } = given();
    record(5);
    const told: number[] = [];
    const following = recorder.follow({ record: (ms) => told.push(ms) });
    record(10, 0.0004, 700_000);
    following.dispose();
    record(7);
    assert.deepEqual(told, [10, 0.0004, 700_000]);
  });
});
