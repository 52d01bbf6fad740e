import type { HistoryPoint } from '../../shared/protocol/dashboardData.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** Rows of a table are so long that there are at most 14 or so: more than that nobody reads, and nobody wants read to them. */
const lengths = [30 * SECOND_MS, 5 * MINUTE_MS, 2 * HOUR_MS, 12 * HOUR_MS, DAY_MS];
const MOST_ROWS = 15;

/** A stretch of a server's time, of as many buckets as are in it. */
export interface FigureRow {
  /** Its beginning, wall-clock milliseconds. */
  readonly from: number;
  readonly calls: number;
  readonly failures: number;
  /** The least and the most of the buckets: percentiles cannot be added. */
  readonly p50: readonly [number, number] | undefined;
  readonly p95: readonly [number, number] | undefined;
  readonly usableMs: number;
  readonly downMs: number;
  /** The worst in it. */
  readonly breaker: HistoryPoint['breaker'];
}

const breakerOrder: readonly HistoryPoint['breaker'][] = ['closed', 'halfOpen', 'isolated', 'open'];

/**
 * What a graph draws, as rows of a table, the newest first.
 * @param offsetMs of the local time: rows begin at full hours of it
 */
export function figureRows(
  points: readonly HistoryPoint[],
  windowMs: number,
  offsetMs: (at: number) => number = localOffset,
): FigureRow[] {
  const length = lengths.find((candidate) => windowMs / candidate <= MOST_ROWS) ?? DAY_MS;
  const rows = new Map<number, HistoryPoint[]>();
  for (const point of points) {
    // A bucket belongs where most of it is.
    const middle = point.at - point.ms / 2;
    const offset = offsetMs(middle);
    const from = Math.floor((middle + offset) / length) * length - offset;
    const row = rows.get(from);
    if (row === undefined) rows.set(from, [point]);
    else row.push(point);
  }
  return [...rows].map(([from, all]) => rowOf(from, all)).sort((a, b) => b.from - a.from);
}

function rowOf(from: number, points: readonly HistoryPoint[]): FigureRow {
  const sum = (figure: (point: HistoryPoint) => number): number =>
    points.reduce((total, point) => total + figure(point), 0);
  return {
    from,
    calls: sum(({ calls = 0 }) => calls),
    failures: sum(({ failures }) => failures),
    p50: spreadOf(points.flatMap(({ p50Ms }) => p50Ms ?? [])),
    p95: spreadOf(points.flatMap(({ p95Ms }) => p95Ms ?? [])),
    usableMs: sum(({ usable, ms }) => usable * ms),
    downMs: sum(({ down, ms }) => down * ms),
    breaker: points.reduce<HistoryPoint['breaker']>(
      (worst, { breaker }) => (breakerOrder.indexOf(breaker) > breakerOrder.indexOf(worst) ? breaker : worst),
      'closed',
    ),
  };
}

function spreadOf(values: readonly number[]): readonly [number, number] | undefined {
  if (values.length === 0) return undefined;
  const least = values.reduce((a, b) => Math.min(a, b));
  return [least, values.reduce((a, b) => Math.max(a, b))];
}

function localOffset(at: number): number {
  return -new Date(at).getTimezoneOffset() * MINUTE_MS;
}
