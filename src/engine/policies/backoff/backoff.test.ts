import assert from 'node:assert/strict';
import fc from 'fast-check';
import { seededRandom } from '../../../shared/base/random.ts';
import { backoffDelayMs } from './backoff.ts';

const options = { baseMs: 1_000, maxMs: 60_000, jitterRatio: 0.1 };

describe('backoff', () => {
  it('R2 starts at once, then waits 1, 2, 4, 8 … 60 seconds', () => {
    const middle = (): number => 0.5;
    const delays = [1, 2, 3, 4, 5, 6, 7, 8, 9, 100].map((failures) =>
      backoffDelayMs(failures, options, middle),
    );
    assert.deepEqual(delays, [0, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  });

  it('R2 keeps every delay within the jitter and never over the maximum', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 2_000 }), fc.integer(), (failures, seed) => {
        const exact = Math.min(60_000, 1_000 * 2 ** Math.min(failures - 2, 52));
        const delay = backoffDelayMs(failures, options, seededRandom(seed));
        assert.ok(delay >= exact * 0.9 && delay <= Math.min(60_000, exact * 1.1), `${failures}: ${delay}`);
      }),
    );
  });
});
