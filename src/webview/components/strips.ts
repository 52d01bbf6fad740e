import type { HistoryPoint } from '../../shared/protocol/dashboardData.ts';

/** The drawing's own units; it is stretched to the graph's width. */
export const STRIP_WIDTH = 1_000;
export const STRIP_HEIGHT = 10;

/** Heights tell the conditions apart, not colour alone: from, to. */
const heights = { full: [0, 10], most: [2, 8], thin: [3.5, 6.5], hair: [4.5, 5.5] } as const;
type Height = keyof typeof heights;

export interface StripTime {
  readonly now: number;
  readonly windowMs: number;
}

/** SVG paths for the state of a server over time; where nothing is known there is nothing. */
export function statePaths(
  points: readonly HistoryPoint[],
  time: StripTime,
): Record<'usable' | 'down' | 'unused', string> {
  return {
    usable: blocks(points, time, 'thin', ({ usable, down }) => usable > 0 && down === 0),
    down: blocks(points, time, 'full', ({ down }) => down > 0),
    unused: blocks(points, time, 'hair', ({ usable, down }) => usable === 0 && down === 0),
  };
}

/** The same for its breaker. */
export function breakerPaths(
  points: readonly HistoryPoint[],
  time: StripTime,
): Record<HistoryPoint['breaker'], string> {
  const of = (state: HistoryPoint['breaker'], height: Height): string =>
    blocks(points, time, height, ({ breaker }) => breaker === state);
  return {
    closed: of('closed', 'hair'),
    halfOpen: of('halfOpen', 'most'),
    open: of('open', 'full'),
    isolated: of('isolated', 'most'),
  };
}

function blocks(
  points: readonly HistoryPoint[],
  { now, windowMs }: StripTime,
  height: Height,
  isMeant: (point: HistoryPoint) => boolean,
): string {
  const x = (at: number): number =>
    Math.round(Math.min(1, Math.max(0, 1 + (at - now) / windowMs)) * STRIP_WIDTH * 10) / 10;
  const [top, bottom] = heights[height];
  const parts: string[] = [];
  let from: number | undefined;
  let to = 0;
  const close = (): void => {
    // What is too short for a person's eye is drawn wide enough for it.
    if (from !== undefined)
      parts.push(`M${from} ${top}H${Math.min(STRIP_WIDTH, Math.max(to, from + 4))}V${bottom}H${from}Z`);
    from = undefined;
  };
  for (const point of points) {
    const [begin, end] = [x(point.at - point.ms), x(point.at)];
    if (!isMeant(point) || (from !== undefined && begin > to + 1)) close();
    if (!isMeant(point) || end <= 0) continue;
    from ??= Math.min(begin, STRIP_WIDTH - 4);
    to = end;
  }
  close();
  return parts.join('');
}
