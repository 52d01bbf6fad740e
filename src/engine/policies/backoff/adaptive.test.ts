import assert from 'node:assert/strict';
import fc from 'fast-check';
import { FakeClock } from '../../../../test/support/fakeClock.ts';
import { seededRandom, type Random } from '../../../shared/base/random.ts';
import { adaptiveDelayMs } from './adaptiveDelay.ts';
import { backoffDelayMs, decorrelatedDelayMs, nextPlainAttemptMs, type BackoffOptions } from './backoff.ts';
import { RecoveryTimes } from './recoveryTimes.ts';
import { Tide } from './tide.ts';

const options: BackoffOptions = { baseMs: 1_000, maxMs: 60_000, jitterRatio: 0.1 };

type Wait = (failures: number, elapsedMs: number) => number;

/** Plays one outage: when it was noticed that the server is back, and how many attempts failed on the way. */
function outage(downMs: number, wait: Wait): { byMs: number; afterMs: number; wasted: number } {
  let elapsed = 0;
  let afterMs = 0;
  for (let failures = 1; ; failures += 1) {
    elapsed += wait(failures, elapsed);
    if (elapsed >= downMs) return { byMs: elapsed, afterMs, wasted: failures - 1 };
    afterMs = elapsed;
  }
}

const normal = (random: Random): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

/** Outages as servers have them: what restarts takes its usual time, more or less; what is repaired by people takes any. */
const kinds: Record<string, (random: Random) => number> = {
  'back at once': () => 0,
  'a port that is let go after 3 s': (random) => 3_000 + 300 * normal(random),
  'a deployment of 8 s': (random) => 8_000 * Math.exp(0.12 * normal(random)),
  'a container start of 20 s': (random) => 20_000 * Math.exp(0.15 * normal(random)),
  'a machine start of 75 s': (random) => 75_000 * Math.exp(0.1 * normal(random)),
  'anything, 30 s on average': (random) => -30_000 * Math.log(1 - random()),
  'a change of habit: 5 s, later 40 s': (random) =>
    (random() < 0.5 ? 5_000 : 40_000) * Math.exp(0.1 * normal(random)),
};

/** Mean wasted attempts and mean time to recovery of `rounds` outages. */
function simulate(kind: (random: Random) => number, isAdaptive: boolean, rounds: number) {
  const random = seededRandom(11);
  const jitter = seededRandom(7);
  const times = new RecoveryTimes();
  let wasted = 0;
  let lateMs = 0;
  for (let round = 0; round < rounds; round += 1) {
    const downMs = Math.max(0, kind(random));
    const result = outage(downMs, (failures, elapsedMs) => {
      const plainMs = backoffDelayMs(failures, options, jitter);
      return isAdaptive ? adaptiveDelayMs(plainMs, elapsedMs, times, options, jitter) : plainMs;
    });
    times.note({ afterMs: result.afterMs, byMs: result.byMs, attempts: result.wasted + 1 });
    wasted += result.wasted;
    lateMs += result.byMs;
  }
  return { wasted: wasted / rounds, seconds: lateMs / rounds / 1_000 };
}

describe('adaptive backoff', () => {
  it('R5.8 wastes fewer attempts than plain backoff, and is back sooner, on outages as servers have them', () => {
    const sum = { plain: { wasted: 0, seconds: 0 }, adaptive: { wasted: 0, seconds: 0 } };
    for (const [name, kind] of Object.entries(kinds)) {
      const plain = simulate(kind, false, 400);
      const adaptive = simulate(kind, true, 400);
      if (process.env['PRINT'] !== undefined)
        console.log(
          `${name.padEnd(36)} plain ${plain.wasted.toFixed(2)} wasted ${plain.seconds.toFixed(1)} s; ` +
            `adaptive ${adaptive.wasted.toFixed(2)} wasted ${adaptive.seconds.toFixed(1)} s`,
        );
      assert.ok(adaptive.seconds <= plain.seconds * 1.001, `${name}: later`);
      assert.ok(adaptive.wasted <= plain.wasted + 0.5, `${name}: more wasted`);
      for (const key of ['wasted', 'seconds'] as const) {
        sum.plain[key] += plain[key];
        sum.adaptive[key] += adaptive[key];
      }
    }
    assert.ok(sum.adaptive.wasted < sum.plain.wasted);
    assert.ok(sum.adaptive.seconds < sum.plain.seconds * 0.9);
  });

  it('R5.8 is never noticed later than after twice the time of plain backoff, whatever was learnt, and waits within the settings', () => {
    const learnt = fc.record({
      afterMs: fc.integer({ min: 0, max: 600_000 }),
      forMs: fc.integer({ min: 0, max: 600_000 }),
    });
    const settings = fc.record({
      baseMs: fc.integer({ min: 100, max: 60_000 }),
      maxMs: fc.integer({ min: 1_000, max: 3_600_000 }),
      jitterRatio: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    const property = fc.property(
      settings,
      fc.array(learnt, { maxLength: 20 }),
      fc.integer({ min: 0, max: 2_000_000 }),
      fc.integer(),
      (limits, history, downMs, seed) => {
        const random = seededRandom(seed);
        const times = new RecoveryTimes();
        for (const { afterMs, forMs } of history) times.note({ afterMs, byMs: afterMs + forMs, attempts: 1 });
        const exact = { ...limits, jitterRatio: 0 };
        const plain = outage(downMs, (failures) => backoffDelayMs(failures, exact, random));
        const adaptive = outage(downMs, (failures, elapsedMs) => {
          const plainMs = backoffDelayMs(failures, exact, random);
          const waitMs = adaptiveDelayMs(plainMs, elapsedMs, times, limits, random);
          const atLeastMs = failures === 1 ? 0 : Math.min(limits.baseMs, limits.maxMs);
          assert.ok(waitMs >= atLeastMs && waitMs <= limits.maxMs, `${waitMs}`);
          return waitMs;
        });
        assert.ok(adaptive.byMs <= 2 * plain.byMs + 1, `${adaptive.byMs} against ${plain.byMs}`);
      },
    );
    fc.assert(property, { numRuns: 2_000 });
  });

  it('knows when plain backoff makes its attempts', () => {
    const at = [0, 999, 1_000, 3_000, 7_000, 62_999, 63_000, 123_000, 1_000_000].map((elapsedMs) =>
      nextPlainAttemptMs(elapsedMs, options),
    );
    assert.deepEqual(at, [1_000, 1_000, 3_000, 7_000, 15_000, 63_000, 123_000, 183_000, 1_023_000]);
  });

  it('keeps a bounded number of recoveries, and takes two for chance', () => {
    const times = new RecoveryTimes();
    times.note({ afterMs: 7_000, byMs: 9_000, attempts: 3 });
    assert.equal(times.nextMs(0), undefined);
    for (let round = 0; round < 100; round += 1) times.note({ afterMs: 7_000, byMs: 9_000, attempts: 3 });
    assert.equal(times.kept.length, 16);
    assert.equal(times.meanAttempts, 3);
    assert.ok((times.nextMs(0) ?? 0) > 8_000 && (times.nextMs(0) ?? 0) < 9_000);
    assert.equal(times.nextMs(60_000), undefined);
  });
});

describe('servers that fail together', () => {
  it('R2 are three within two seconds; the same one several times is one', async () => {
    const clock = new FakeClock();
    const tide = new Tide(clock);
    assert.deepEqual(
      ['a', 'a', 'a', 'b'].map((name) => tide.note(name)),
      [false, false, false, false],
    );
    await clock.advance(1_900);
    assert.equal(tide.note('c'), true);
    await clock.advance(200);
    assert.equal(tide.note('c'), false, 'a and b failed longer ago');
  });

  it('R2 wait anything between the base and three times their last wait, up to the maximum', () => {
    const random = seededRandom(3);
    for (const previousMs of [0, 1_000, 5_000, 50_000]) {
      const waits = Array.from({ length: 500 }, () => decorrelatedDelayMs(previousMs, options, random));
      const upTo = Math.min(60_000, Math.max(1_000, previousMs * 3));
      assert.ok(Math.min(...waits) >= 1_000 && Math.max(...waits) <= upTo);
      if (upTo > 1_000) assert.ok(Math.max(...waits) - Math.min(...waits) > (upTo - 1_000) * 0.5);
    }
  });
});
