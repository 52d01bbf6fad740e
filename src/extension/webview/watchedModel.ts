import {
  messageLimits,
  type DashboardWatched,
  type WatchedPoint,
  type WatchedValue,
} from '../../shared/protocol/dashboardData.ts';
import type { Tone } from '../../shared/protocol/dashboardMessages.ts';
import type { ServerSnapshot } from '../../shared/model/snapshot.ts';
import type { WatchedSnapshot } from '../../shared/model/watched.ts';
import type { WatchedHistory } from '../../shared/protocol/watchedMessages.ts';
import { counted } from '../figures.ts';
import { figure, watchedWords } from '../health/measureWords.ts';
import type { Translate } from '../translate.ts';

type Entries = WatchedHistory['watches'][number]['entries'];

/** The watched values of a server, over the time that its graphs show. */
export function buildWatched(
  server: ServerSnapshot,
  history: WatchedHistory,
  windowMs: number,
  t: Translate,
): DashboardWatched {
  const { now } = history;
  const known = new Map(history.watches.map((watch) => [watch.name, watch] as const));
  const values = (server.watched ?? []).slice(0, messageLimits.watches).map((watch): WatchedValue => {
    const points = pointsOf(known.get(watch.name)?.entries ?? [], now - windowMs);
    const { name, min, max } = watch;
    return {
      name,
      ...(min === undefined ? {} : { min }),
      ...(max === undefined ? {} : { max }),
      tone: toneOf(watch),
      text: watchedWords(watch, t),
      limits: limitWords(watch, t),
      summary: summaryOf(points, t),
      points,
    };
  });
  return { server: server.id, now, windowMs, values };
}

function pointsOf(entries: Entries, since: number): WatchedPoint[] {
  const points: WatchedPoint[] = [];
  for (const entry of entries) {
    if (entry.kind === 'value') points.push({ at: entry.at, value: entry.value });
    // A gap is one, however many samples are missing in it.
    else points.push({ at: entry.from });
  }
  return points.filter(({ at }) => at >= since).slice(-messageLimits.watchedPoints);
}

function summaryOf(points: readonly WatchedPoint[], t: Translate): string {
  const values = points.flatMap(({ value }) => value ?? []);
  if (values.length === 0) return t('no sample in this time');
  const least = values.reduce((a, b) => Math.min(a, b));
  const most = values.reduce((a, b) => Math.max(a, b));
  return counted(
    t,
    values.length,
    'one sample, {1}',
    '{0} samples, from {1} to {2}',
    figure(least, t),
    figure(most, t),
  );
}

function limitWords({ min, max }: WatchedSnapshot, t: Translate): string {
  if (min === undefined) return max === undefined ? '' : t('alert above {0}', figure(max, t));
  if (max === undefined) return t('alert below {0}', figure(min, t));
  return t('alert below {0}, above {1}', figure(min, t), figure(max, t));
}

function toneOf({ state }: WatchedSnapshot): Tone {
  if (state === 'below' || state === 'above') return 'error';
  return state === 'missed' ? 'warning' : 'neutral';
}
