/** How long to wait before the n-th reconnection in a row, in milliseconds; the last one is used for ever after. */
const delaysMs = [0, 250, 500, 1_000, 2_000, 5_000] as const;

/** A connection that lasted this long was a good one: the next loss starts again without a wait. */
const STABLE_UPTIME_MS = 30_000;

/** One that lasted this long was no failed start either: the next loss waits, but never so long that a call fails. */
const USEFUL_UPTIME_MS = 5_000;
const MAX_FAILURES_WHEN_USEFUL = 3;

/** How many connections in a row did not last, after one more that lasted `uptimeMs`. */
export function failuresAfter(failures: number, uptimeMs: number): number {
  if (uptimeMs >= STABLE_UPTIME_MS) return 0;
  if (uptimeMs >= USEFUL_UPTIME_MS) return Math.min(failures + 1, MAX_FAILURES_WHEN_USEFUL);
  return failures + 1;
}

/** The wait before another try, after `failures` tries in a row that did not last. There is no giving up. */
export function reconnectDelayMs(failures: number): number {
  return delaysMs[Math.min(Math.max(0, failures), delaysMs.length - 1)] ?? 0;
}
