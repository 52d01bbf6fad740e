/** How long to wait before the n-th reconnection in a row, in milliseconds; the last one is used for ever after. */
const delaysMs = [0, 250, 500, 1_000, 2_000, 5_000] as const;

/** A connection that lasted this long was a good one: the next loss starts again without a wait. */
export const STABLE_UPTIME_MS = 30_000;

/** The wait before another try, after `failures` tries in a row that did not last. There is no giving up. */
export function reconnectDelayMs(failures: number): number {
  return delaysMs[Math.min(Math.max(0, failures), delaysMs.length - 1)] ?? 0;
}
