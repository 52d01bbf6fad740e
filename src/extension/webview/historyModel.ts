import type { History, HistorySample } from '../../shared/protocol/historyMessages.ts';
import type {
  DashboardHistory,
  HistoryPoint,
  ServerHistory,
} from '../../shared/protocol/dashboardMessages.ts';
import { duration } from '../health/words.ts';
import type { Translate } from '../translate.ts';

/** The engine's history as the graphs need it, and as text for those who cannot see them. */
export function buildHistory(history: History, t: Translate): DashboardHistory {
  const { now, intervalMs, windowMs } = history;
  const minutes = Math.round(windowMs / 60_000);
  return {
    now,
    intervalMs,
    windowMs,
    servers: history.servers.map(({ id, samples }) => serverHistory(id, samples, minutes, t)),
  };
}

function serverHistory(
  name: string,
  samples: readonly HistorySample[],
  minutes: number,
  t: Translate,
): ServerHistory {
  const maxMs = Math.max(0, ...samples.map(({ latency }) => latency?.p95Ms ?? 0));
  const calls = samples.reduce((sum, sample) => sum + sample.calls, 0);
  const failures = samples.reduce((sum, sample) => sum + sample.failures, 0);
  const parts = [t('The last {0} minutes: {1} calls, {2} failed.', minutes, calls, failures)];
  if (samples.some(({ latency }) => latency !== undefined)) {
    const p50s = samples.flatMap(({ latency }) => (latency === undefined ? [] : [latency.p50Ms]));
    const [low, high] = [Math.min(...p50s), Math.max(...p50s)];
    parts.push(t('p50 from {0} to {1}, p95 up to {2}.', duration(low), duration(high), duration(maxMs)));
  }
  const down = samples.filter(isDown).length;
  if (down > 0) parts.push(t('It was down in {0} of {1} samples.', down, samples.length));
  return { name, points: samples.map(point), maxMs, maxWords: duration(maxMs), summary: parts.join(' ') };
}

function point(sample: HistorySample): HistoryPoint {
  return {
    at: sample.at,
    ...(sample.latency === undefined ? {} : { p50Ms: sample.latency.p50Ms, p95Ms: sample.latency.p95Ms }),
    hasFailures: sample.failures > 0,
    isDown: isDown(sample),
  };
}

const downStates: readonly HistorySample['state'][] = ['broken', 'recovering', 'crashLoop', 'needsSignIn'];

/** What is being started for the first time, or nobody asked for, is not down. */
function isDown({ state }: HistorySample): boolean {
  return downStates.includes(state);
}
