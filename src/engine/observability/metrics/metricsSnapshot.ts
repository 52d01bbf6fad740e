import type { Clock } from '../../../shared/base/clock.ts';
import type { ServerSnapshot } from '../../../shared/model/snapshot.ts';
import type { CallCounters } from './callCounters.ts';
import { LatencyRecorder } from './latencyRecorder.ts';
import type { Outages } from './outages.ts';

type Metrics = ServerSnapshot['metrics'];

/** To a microsecond: what is beyond is noise, and many digits in every message. */
const rounded = <T extends { readonly [Name in keyof T]: number }>(figures: T): T =>
  Object.fromEntries(
    Object.entries<number>(figures).map(([name, ms]) => [name, Math.round(ms * 1_000) / 1_000]),
  ) as T;

/** The counters of a server as they are shown (docs/status.md). */
export function metricsSnapshot(
  { counters, outages }: { readonly counters: CallCounters; readonly outages: Outages },
  clock: Clock,
  now: Pick<Metrics, 'breakerOpens' | 'inFlight' | 'waiting'>,
): Metrics {
  const { retryDelays, open } = counters;
  const { recovered, uptime, since, failures } = outages;
  const { usableMs, downMs } = uptime.reading;
  const { ratio } = uptime;
  return {
    total: counters.total,
    successful: counters.successful,
    failed: counters.failed,
    cancelled: counters.cancelled,
    open,
    brokenPipe: counters.brokenPipe,
    timeouts: counters.timeouts,
    outcomeUnknown: counters.outcomeUnknown,
    stale: counters.stale,
    remembered: counters.remembered,
    retries: counters.retries,
    ...(retryDelays.figures === undefined
      ? {}
      : { retryDelay: { count: retryDelays.count, ...rounded(retryDelays.figures) } }),
    restarts: outages.restarts,
    failedConnections: outages.failedConnections,
    recovery: {
      outages: outages.count,
      attempts: outages.attempts,
      successes: recovered.count,
      abandoned: outages.abandoned,
      ...(recovered.figures === undefined ? {} : rounded(recovered.figures)),
      ...(since === undefined ? {} : { since: clock.wallNow() - (clock.now() - since) }),
      ...(failures === undefined ? {} : { failures }),
    },
    uptime: { ...(ratio === undefined ? {} : { ratio }), ...rounded({ usableMs, downMs }) },
    // What is at no server waits: for a connection, a place, a token, or before a retry.
    queueDepth: Math.max(0, open - now.inFlight),
    ...now,
  };
}

/** How long its answered calls took; nothing before the first. */
export function latencySnapshot(latency: LatencyRecorder, clock: Clock): Pick<ServerSnapshot, 'latency'> {
  const { recent, lifetime, lastMs, lastAt } = latency;
  if (recent === undefined || lifetime === undefined) return {};
  return {
    latency: {
      ...rounded(recent),
      lastMs,
      lastAt: clock.wallNow() - (clock.now() - lastAt),
      windowMs: LatencyRecorder.windowMs,
      lifetime: rounded(lifetime),
    },
  };
}
