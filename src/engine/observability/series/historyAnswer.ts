import {
  MAX_ALL_SAMPLES,
  MAX_SAMPLES,
  type HistorySample,
} from '../../../shared/protocol/historyMessages.ts';
import { isSteady, stretched, type Bucket } from './bucket.ts';
import { percentilesOf } from './compactHistogram.ts';

/** As a sample of the protocol: what is as usual is left out. */
export function sampleOf(bucket: Bucket, intervalMs: number): HistorySample {
  const { from, ms, last, worst, breaker, calls, failures, usableMs, downMs } = bucket;
  const share = (part: number): number => Math.min(1, Math.round((part / ms) * 10_000) / 10_000);
  const atLeastOne = (name: 'retries' | 'restarts' | 'queued'): Partial<HistorySample> =>
    bucket[name] > 0 ? { [name]: bucket[name] } : {};
  return {
    at: from + ms,
    state: last,
    calls,
    failures,
    ...latencyOf(bucket),
    ...(ms === intervalMs ? {} : { ms }),
    ...(worst === last ? {} : { worst }),
    ...(usableMs > 0 ? { usable: share(usableMs) } : {}),
    ...(downMs > 0 ? { down: share(downMs) } : {}),
    ...atLeastOne('retries'),
    ...atLeastOne('restarts'),
    ...atLeastOne('queued'),
    ...(breaker === 'closed' ? {} : { breaker }),
  };
}

function latencyOf({ latencies, maxMs }: Bucket): Pick<HistorySample, 'latency'> {
  if (latencies.size === 0) return {};
  const [p50Ms = 0, p95Ms = 0, p99Ms = 0] = percentilesOf(latencies, maxMs, [0.5, 0.95, 0.99]).map(
    (ms) => Math.round(ms * 1_000) / 1_000,
  );
  return { latency: { p50Ms, p95Ms, p99Ms, maxMs } };
}

/**
 * As clients of earlier versions know it: a sample for each interval, none where the server was not in use, and no bucket that is longer
 * than an interval.
 */
export function evenSamples(buckets: readonly Bucket[], since: number, intervalMs: number): HistorySample[] {
  return buckets
    .flatMap((bucket) => (isSteady(bucket) ? pieces(bucket, since, intervalMs) : [bucket]))
    .filter(({ from, ms }) => from + ms > since)
    .map((bucket) => sampleOf(bucket, intervalMs))
    .filter(({ state, calls }) => calls > 0 || (state !== 'idle' && state !== 'stopped'));
}

/** A long one in pieces of an interval; counted from its end, so that the newest piece is whole. */
function pieces(bucket: Bucket, since: number, intervalMs: number): Bucket[] {
  const until = bucket.from + bucket.ms;
  const parts: Bucket[] = [];
  for (let end = until; end > Math.max(since, bucket.from); end -= intervalMs) {
    const from = Math.max(bucket.from, end - intervalMs);
    parts.push(stretched(bucket, from, end - from));
  }
  return parts.reverse();
}

/** Leaves the oldest out where there are too many; answers whether it did. */
export function cutSamples(servers: { readonly id: string; samples: HistorySample[] }[]): boolean {
  const each = Math.min(MAX_SAMPLES, Math.floor(MAX_ALL_SAMPLES / Math.max(1, servers.length)));
  const all = servers.reduce((sum, { samples }) => sum + samples.length, 0);
  let isCut = false;
  for (const server of servers) {
    const max = all > MAX_ALL_SAMPLES ? each : MAX_SAMPLES;
    if (server.samples.length <= max) continue;
    server.samples = server.samples.slice(-max);
    isCut = true;
  }
  return isCut;
}
