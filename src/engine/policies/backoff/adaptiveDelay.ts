import type { Random } from '../../../shared/base/random.ts';
import { nextPlainAttemptMs, type BackoffOptions } from './backoff.ts';
import type { RecoveryTimes } from './recoveryTimes.ts';

/** No attempt later than this many times what plain backoff would take to notice that the server is back. */
const MAX_LATER = 2;

/**
 * The wait before the next attempt, `elapsedMs` after the server failed, from how long it was down before (requirements R5.8). `plainMs` is what
 * is waited without a history; 0, a first restart, stays 0. Never shorter than the base, never longer than the maximum, and a server
 * that is back is never noticed later than after twice the time that plain backoff needs.
 */
export function adaptiveDelayMs(
  plainMs: number,
  elapsedMs: number,
  times: RecoveryTimes,
  options: BackoffOptions,
  random: Random,
): number {
  if (plainMs === 0) return 0;
  if (times.isUnknown) return plainMs;
  const likelyMs = times.nextMs(elapsedMs);
  // Spread one way only: an attempt just before the server is back is an attempt wasted.
  const waitMs =
    likelyMs === undefined ? plainMs : likelyMs * (1 + random() * options.jitterRatio) - elapsedMs;
  const latestMs = MAX_LATER * nextPlainAttemptMs(elapsedMs, options) - elapsedMs;
  return Math.min(options.maxMs, Math.max(options.baseMs, Math.min(latestMs, waitMs)));
}
