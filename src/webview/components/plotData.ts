import type { HistoryPoint } from '../../shared/protocol/dashboardData.ts';
import type { PlotData } from './plot.ts';

/** The lines of a history: a gap where a bucket has no calls, and where there is no bucket. */
export function plotData(
  points: readonly HistoryPoint[],
  {
    now,
    windowMs,
    intervalMs,
  }: { readonly now: number; readonly windowMs: number; readonly intervalMs: number },
): PlotData {
  const at: number[] = [];
  const p50: (number | null)[] = [];
  const p95: (number | null)[] = [];
  const add = (x: number, low: number | null, high: number | null): void => {
    at.push(x);
    p50.push(low);
    p95.push(high);
  };
  let end = -Infinity;
  for (const point of points) {
    const start = point.at - point.ms;
    if (start > end + intervalMs / 2 && at.length > 0) add((start + end) / 2, null, null);
    add((start + point.at) / 2, point.p50Ms ?? null, point.p95Ms ?? null);
    end = point.at;
  }
  return { from: now - windowMs, to: now, at, lines: [p50, p95] };
}
