import assert from 'node:assert/strict';
import fc from 'fast-check';
import { TokenBucket } from './tokenBucket.ts';

describe('token bucket', () => {
  it('R10.2 has its depth at once, and then the rate', () => {
    const bucket = new TokenBucket(10, 0);
    assert.equal(bucket.take(0), true);
    assert.equal(bucket.take(0), true);
    assert.equal(bucket.take(0), false);
    assert.equal(bucket.msUntil(0), 100);
    assert.equal(bucket.take(99), false);
    assert.equal(bucket.take(100), true);
  });

  it('R10.2 saves nothing beyond its depth', () => {
    const bucket = new TokenBucket(100, 0);
    let taken = 0;
    while (bucket.take(60_000)) taken += 1;
    assert.equal(taken, 5);
  });

  it('R10.1 leaves a reserve where it is asked to', () => {
    const bucket = new TokenBucket(10, 0);
    assert.equal(bucket.take(0, 1), true);
    assert.equal(bucket.take(0, 1), false);
    assert.equal(bucket.take(0), true);
  });

  it('R10.2 gives nothing while it is held, then one at once', () => {
    const bucket = new TokenBucket(10, 0);
    bucket.hold(1_000, 0);
    assert.equal(bucket.take(999), false);
    assert.equal(bucket.msUntil(0), 1_000);
    assert.equal(bucket.take(1_000), true);
    assert.equal(bucket.take(1_000), false);
    assert.equal(bucket.take(1_100), true);
  });

  it('R10.2 a shorter hold does not end a longer one', () => {
    const bucket = new TokenBucket(10, 0);
    bucket.hold(1_000, 0);
    bucket.hold(500, 0);
    assert.equal(bucket.heldUntil, 1_000);
  });

  it('R10.2 what was forced is paid back', () => {
    const bucket = new TokenBucket(10, 0);
    for (let count = 0; count < 100; count += 1) bucket.force(0);
    assert.equal(bucket.msUntil(0), 300);
    bucket.giveBack(0);
    assert.equal(bucket.msUntil(0), 200);
  });

  it('R10.2 never gives more than rate and depth allow, whatever the rate becomes', () => {
    const step = fc.record({ ms: fc.nat(500), rate: fc.integer({ min: 1, max: 1_000 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
        const bucket = new TokenBucket(100, 0);
        let now = 0;
        let rate = 100;
        let allowed = bucket.depth;
        let taken = 0;
        for (const next of steps) {
          now += next.ms;
          allowed += (next.ms / 1_000) * rate;
          while (bucket.take(now)) taken += 1;
          assert.ok(taken <= allowed + 1e-6, `${taken} of ${allowed}`);
          assert.ok(bucket.msUntil(now) > 0);
          rate = next.rate;
          bucket.setRate(rate, now);
        }
      }),
    );
  });
});
