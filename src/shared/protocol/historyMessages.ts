import * as z from 'zod/mini';
import { connectionStates } from '../model/connectionState.ts';
import { breakerStates } from '../model/snapshot.ts';
import { joinSamples, MAX_SAMPLES } from './joinSamples.ts';
import { request } from './message.ts';

export { MAX_SAMPLES } from './joinSamples.ts';

/**
 * What the engine sampled of every server over time (requirements R11.1). A gap is a gap: where the engine did not run, or the machine slept,
 * there is no sample.
 */

const text = (max: number) => z.string().check(z.maxLength(max));
const count = z.number().check(z.gte(0));
const share = z.number().check(z.gte(0), z.lte(1));

/** `5s` tells of 10 minutes, `1m` of 6 hours, `15m` of 7 days. */
export const resolutionNames = ['5s', '1m', '15m'] as const;
export type Resolution = (typeof resolutionNames)[number];

/** Samples of all servers in one answer (of one: `MAX_SAMPLES`); the oldest are left out. */
export const MAX_ALL_SAMPLES = 50_000;
const MAX_SERVERS = 1_000;
const MAX_CURSOR = 64;

const historyParams = z.object({
  /**
   * Absent: the last five minutes in buckets of `intervalMs` each, without those in which a server was not in use; what is below has no
   * effect then. So do clients of earlier versions ask.
   */
  resolution: z.optional(z.enum(resolutionNames)),
  /** How far back, in milliseconds; all that the resolution tells when absent. */
  rangeMs: z.optional(z.number().check(z.gt(0))),
  /** All when absent. */
  servers: z.optional(z.array(text(256)).check(z.maxLength(MAX_SERVERS))),
  /** `cursor` of the answer before, to the same question: only what is new since then is told. */
  since: z.optional(text(MAX_CURSOR)),
});
export type HistoryParams = z.infer<typeof historyParams>;

const sample = z.object({
  /** Wall-clock milliseconds of the end of the bucket. */
  at: z.number(),
  /** The state at its end. */
  state: z.enum(connectionStates),
  /** Calls that ended in this bucket, and how many of them failed. */
  calls: count,
  failures: count,
  /**
   * Of the answered calls of this bucket; absent when there was none. Percentiles are read out of classes (off by 4.5 % at most), also those of coarser
   * resolutions: the distributions are added, not the percentiles. The longest is exact.
   */
  latency: z.optional(
    z.object({ p50Ms: count, p95Ms: count, p99Ms: z.optional(count), maxMs: z.optional(count) }),
  ),
  /** How much time it tells of; `intervalMs` when absent. Less where a span began or ended, more where nothing happened for long. */
  ms: z.optional(count),
  /** The worst state in it; that of its end when absent. */
  worst: z.optional(z.enum(connectionStates)),
  /** The share of it in which calls could be written, and in which it was down; 0 when absent. The rest: not in use, or in its first start. */
  usable: z.optional(share),
  down: z.optional(share),
  /** 0 when absent; `queued`: the most calls that waited for a place at one time. */
  retries: z.optional(count),
  restarts: z.optional(count),
  queued: z.optional(count),
  /** The worst in it; `closed` when absent. */
  breaker: z.optional(z.enum(breakerStates)),
});

const historyResult = z.object({
  /** The engine's wall clock when it answered. */
  now: z.number(),
  /** How much time a bucket is, and how much time is told. */
  intervalMs: z.number().check(z.gt(0)),
  windowMs: z.number().check(z.gt(0)),
  servers: z
    .array(z.object({ id: text(256), samples: z.array(sample).check(z.maxLength(MAX_SAMPLES)) }))
    .check(z.maxLength(MAX_SERVERS)),
  /** For `since`. */
  cursor: z.optional(text(MAX_CURSOR)),
  /** It tells only what is new; to be joined with what is there by `joinHistory`. */
  isDelta: z.optional(z.boolean()),
  /** The oldest samples were left out, because there were too many. */
  isCut: z.optional(z.boolean()),
});
export type HistorySample = z.infer<typeof sample>;
export type History = z.infer<typeof historyResult>;

/** Extension → engine: what was sampled of every server, oldest sample first. */
export const getHistory = request(
  'lifeline/getHistory',
  (value) => historyParams.parse(value),
  (value) => historyResult.parse(value),
);

/** What was known, with what is new. */
export function joinHistory(known: History, delta: History): History {
  if (delta.isDelta !== true) return delta;
  const { intervalMs, windowMs, now } = delta;
  const news = new Map(delta.servers.map(({ id, samples }) => [id, samples] as const));
  const before = new Map(known.servers.map(({ id, samples }) => [id, samples] as const));
  const servers = [...new Set([...before.keys(), ...news.keys()])].map((id) => ({
    id,
    samples: joinSamples(before.get(id) ?? [], news.get(id) ?? [], { intervalMs, windowMs, now }),
  }));
  return { ...delta, servers: servers.filter(({ samples }) => samples.length > 0) };
}
