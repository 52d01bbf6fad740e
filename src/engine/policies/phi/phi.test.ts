import assert from 'node:assert/strict';
import fc from 'fast-check';
import { FakeClock } from '../../../../test/support/fakeClock.ts';
import { MAX_PHI, phiOf } from './phi.ts';
import { PhiDetector, phiDefaults } from './phiDetector.ts';

const { threshold, minStdMs, acceptablePauseMs } = phiDefaults;

/** A detector that has learnt what these beats took. */
async function given(...tookMs: number[]): Promise<{ clock: FakeClock; detector: PhiDetector }> {
  const clock = new FakeClock();
  const detector = new PhiDetector(clock);
  for (const ms of tookMs) {
    detector.expect();
    await clock.advance(ms);
    detector.heard();
  }
  return { clock, detector };
}

/** Milliseconds until a beat that is due from now on is suspect. */
async function untilSuspect({ clock, detector }: Awaited<ReturnType<typeof given>>): Promise<number> {
  detector.expect();
  const from = clock.now();
  while (!detector.isSuspect) await clock.advance(10);
  return clock.now() - from;
}

describe('phi', () => {
  it('R5.3 is the distribution that it approximates: half at the mean, one in a hundred at 2.33 deviations', () => {
    assert.ok(Math.abs(phiOf(1_000, 1_000, 100) - Math.log10(2)) < 1e-9);
    assert.ok(Math.abs(phiOf(1_233, 1_000, 100) - 2) < 0.02);
    assert.ok(Math.abs(phiOf(1_372, 1_000, 100) - 4) < 0.2);
  });

  it('R5.3 never falls with the wait, and is finite from 0 to MAX_PHI however far out', () => {
    const ms = fc.double({ min: 0, max: 1e12, noNaN: true });
    const std = fc.double({ min: 1, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(ms, ms, ms, std, (a, b, mean, deviation) => {
        const [sooner, later] = [Math.min(a, b), Math.max(a, b)].map((wait) => phiOf(wait, mean, deviation));
        assert.ok(sooner !== undefined && later !== undefined);
        assert.ok(sooner >= 0 && sooner <= later && later <= MAX_PHI);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('phi detector', () => {
  it('R5.3 suspects nobody who owes no beat, however long the silence', async () => {
    const { clock, detector } = await given(1, 1, 1);
    await clock.advance(86_400_000);
    assert.equal(detector.phi, 0);
    assert.equal(detector.isSuspect, false);
  });

  it('R5.3 suspects a beat that is late by the pause and five deviations', async () => {
    const ms = await untilSuspect(await given(5, 5, 5));
    assert.ok(ms > acceptablePauseMs + 5 * minStdMs && ms < acceptablePauseMs + 5.5 * minStdMs, `${ms} ms`);
  });

  it('R5.3 gives a server that answers slowly as much more time', async () => {
    const fast = await untilSuspect(await given(...Array<number>(20).fill(5)));
    const slow = await untilSuspect(await given(...Array<number>(20).fill(2_000)));
    assert.ok(Math.abs(slow - fast - 1_995) <= 20, `${fast} and ${slow} ms`);
  });

  it('R5.3 does not learn from the gap of a failure, nor from one that was forgiven', async () => {
    const { clock, detector } = await given(5, 5, 5);
    detector.expect();
    await clock.advance(60_000);
    assert.ok(detector.phi >= threshold);
    detector.heard();
    detector.expect();
    await clock.advance(3_000);
    detector.forgive();
    await clock.advance(2_000);
    detector.heard();
    assert.equal(detector.meanMs, 5);
  });

  it('R5.3 a forgiven silence begins anew', async () => {
    const { clock, detector } = await given(5);
    detector.expect();
    await clock.advance(60_000);
    detector.forgive();
    assert.ok(detector.phi < 0.1);
    await clock.advance(acceptablePauseMs + 5.5 * minStdMs);
    assert.ok(detector.isSuspect);
  });

  it('forgets slowly: after a thousand beats the mean is that of the last ones', async () => {
    const { detector } = await given(...Array<number>(1_000).fill(100), ...Array<number>(5_000).fill(10));
    assert.ok(detector.meanMs < 11, String(detector.meanMs));
  }).timeout(20_000);
});
