const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 86_400_000;

function two(ms: number, large: number, largeUnit: string, small: number, smallUnit: string): string {
  const rest = Math.floor((ms % large) / small);
  return `${Math.floor(ms / large)}${largeUnit}${rest === 0 ? '' : ` ${rest}${smallUnit}`}`;
}

/** A duration in at most two units: `12s`, `3m 5s`, `2h 10m`, `4d 3h`. */
export function durationText(ms: number): string {
  if (!(ms >= SECOND)) return '0s';
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)}s`;
  if (ms < HOUR) return two(ms, MINUTE, 'm', SECOND, 's');
  return ms < DAY ? two(ms, HOUR, 'h', MINUTE, 'm') : two(ms, DAY, 'd', HOUR, 'h');
}

/** Milliseconds of a call, with as many digits as mean something. */
export function latencyText(ms: number): string {
  if (ms >= 10_000) return durationText(ms);
  if (ms >= 1_000) return `${(ms / 1_000).toFixed(1)}s`;
  return ms >= 10 ? `${Math.round(ms)}ms` : `${ms.toFixed(1)}ms`;
}
