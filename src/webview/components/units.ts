const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** A latency. Units are the same in every language. */
export function writeMs(ms: number): string {
  return ms >= 1_000 ? `${Number((ms / 1_000).toFixed(2))} s` : `${Number(ms.toFixed(2))} ms`;
}

/** Of a time that may be days. */
export function writeSpan(ms: number): string {
  if (ms < MINUTE_MS) return writeMs(Math.round(ms));
  return ms < 2 * HOUR_MS ? `${Math.round(ms / MINUTE_MS)} min` : `${Math.round(ms / HOUR_MS)} h`;
}
