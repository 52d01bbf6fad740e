import { worseState, type ConnectionState } from '../../../shared/model/connectionState.ts';
import type { BreakerStateName } from '../../../shared/model/snapshot.ts';
import { addHistograms, type CompactHistogram } from './compactHistogram.ts';

/** What happened at one server in one stretch of time. Times are milliseconds. */
export interface Bucket {
  readonly server: string;
  /** The span it belongs to: a time in which one engine sampled without interruption. Its beginning, by the wall clock, is its name. */
  readonly span: number;
  /** Wall clock, counted from the span's beginning by the monotonic one. */
  readonly from: number;
  readonly ms: number;
  readonly last: ConnectionState;
  readonly worst: ConnectionState;
  /** The worst in the bucket. */
  readonly breaker: BreakerStateName;
  /** How much of it calls could be written to the server, and how much it was down. The rest it was idle, or in its first start. */
  readonly usableMs: number;
  readonly downMs: number;
  readonly calls: number;
  readonly failures: number;
  readonly retries: number;
  readonly restarts: number;
  /** The most calls that waited for a place at one time. */
  readonly queued: number;
  /** Of the answered calls; `maxMs` is 0 when there was none. */
  readonly maxMs: number;
  readonly latencies: CompactHistogram;
}

/** Worst last. */
const breakerSeverity: readonly BreakerStateName[] = ['closed', 'halfOpen', 'open', 'isolated'];
const downStates: ReadonlySet<ConnectionState> = new Set([
  'broken',
  'recovering',
  'crashLoop',
  'needsSignIn',
]);

/** It is wanted and does not run. What is started for the first time, or nobody asked for, is not down. */
export function isDown(state: ConnectionState): boolean {
  return downStates.has(state);
}

export function worseBreaker(a: BreakerStateName, b: BreakerStateName): BreakerStateName {
  return breakerSeverity.indexOf(b) > breakerSeverity.indexOf(a) ? b : a;
}

/** Nothing happened in it: it says the same of every moment, and so do as many of them as follow. */
export function isSteady(bucket: Bucket): boolean {
  const { last, worst, calls, failures, retries, restarts, queued, latencies, ms, usableMs, downMs } = bucket;
  const isWhole = (part: number): boolean => part === 0 || part === ms;
  return (
    last === worst &&
    calls + failures + retries + restarts + queued + latencies.size === 0 &&
    isWhole(usableMs) &&
    isWhole(downMs)
  );
}

/** Both are steady, and say the same. */
export function saysTheSame(a: Bucket, b: Bucket): boolean {
  return (
    a.span === b.span &&
    a.last === b.last &&
    a.breaker === b.breaker &&
    a.usableMs > 0 === b.usableMs > 0 &&
    a.downMs > 0 === b.downMs > 0 &&
    isSteady(a) &&
    isSteady(b)
  );
}

/** One bucket for two that follow each other. Counts are exact, and so are the sums of times; percentiles come from the added histograms. */
export function joinBuckets(a: Bucket, b: Bucket): Bucket {
  return {
    ...a,
    ms: b.from + b.ms - a.from,
    last: b.last,
    worst: worseState(a.worst, b.worst),
    breaker: worseBreaker(a.breaker, b.breaker),
    usableMs: a.usableMs + b.usableMs,
    downMs: a.downMs + b.downMs,
    calls: a.calls + b.calls,
    failures: a.failures + b.failures,
    retries: a.retries + b.retries,
    restarts: a.restarts + b.restarts,
    queued: Math.max(a.queued, b.queued),
    maxMs: Math.max(a.maxMs, b.maxMs),
    latencies: addHistograms(a.latencies, b.latencies),
  };
}

/** A steady bucket over another time. */
export function stretched(bucket: Bucket, from: number, ms: number): Bucket {
  return {
    ...bucket,
    from,
    ms,
    usableMs: bucket.usableMs > 0 ? ms : 0,
    downMs: bucket.downMs > 0 ? ms : 0,
  };
}
