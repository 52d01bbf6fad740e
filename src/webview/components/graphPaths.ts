import type { HistoryPoint } from '../../shared/protocol/dashboardMessages.ts';

/** The graph's own units; it is stretched to the width that there is. */
export const GRAPH_WIDTH = 300;
export const GRAPH_HEIGHT = 40;
/** Room for the width of the line itself. */
const MARGIN = 2;
const MARK_HEIGHT = 6;

export interface GraphPaths {
  readonly p50: string;
  readonly p95: string;
  /** Short lines from the bottom, one for each bucket with a failed call. */
  readonly failures: string;
  /** Areas in which the server was down. */
  readonly down: string;
}

export interface GraphTime {
  readonly now: number;
  readonly windowMs: number;
  readonly intervalMs: number;
}

/** Draws points as paths. A bucket without calls, or one that is missing, leaves a gap; a lonely one is a dot. */
export function graphPaths(
  points: readonly HistoryPoint[],
  maxMs: number,
  { now, windowMs, intervalMs }: GraphTime,
): GraphPaths {
  const scale = maxMs > 0 ? maxMs : 1;
  const x = (at: number): number => clamp(GRAPH_WIDTH * (1 - (now - at) / windowMs), 0, GRAPH_WIDTH);
  const y = (ms: number): number =>
    GRAPH_HEIGHT - MARGIN - clamp(ms / scale, 0, 1) * (GRAPH_HEIGHT - 2 * MARGIN);
  const isGap = (before: HistoryPoint, after: HistoryPoint): boolean =>
    after.at - before.at > intervalMs * 1.5;

  const line = (figure: (point: HistoryPoint) => number | undefined): string => {
    let path = '';
    let last: HistoryPoint | undefined;
    for (const point of points) {
      const ms = figure(point);
      if (ms === undefined) {
        last = undefined;
        continue;
      }
      const place = `${round(x(point.at))} ${round(y(ms))}`;
      // A line of no length has round ends: a dot, unless the next point draws on from it.
      path += last === undefined || isGap(last, point) ? `M${place}h0` : `L${place}`;
      last = point;
    }
    return path;
  };

  const step = (GRAPH_WIDTH * intervalMs) / windowMs;
  const failures = points
    .filter(({ hasFailures }) => hasFailures)
    .map(({ at }) => `M${round(x(at))} ${GRAPH_HEIGHT}v${-MARK_HEIGHT}`);
  const down = points
    .filter(({ isDown }) => isDown)
    .map(({ at }) => {
      const right = x(at);
      const left = Math.max(0, right - step);
      return `M${round(left)} 0H${round(right)}V${GRAPH_HEIGHT}H${round(left)}Z`;
    });
  return {
    p50: line(({ p50Ms }) => p50Ms),
    p95: line(({ p95Ms }) => p95Ms),
    failures: failures.join(''),
    down: down.join(''),
  };
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
