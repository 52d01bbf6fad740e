import { setTimeout as pause } from 'node:timers/promises';

export interface Load {
  readonly call: () => Promise<void>;
  /** So many calls at a time. */
  readonly concurrency: number;
  readonly forMs: number;
  /** Fewer calls than this are not measured, even if they take longer; default: one for each that is under way at a time. */
  readonly minCalls?: number;
}

export interface LoadFigures {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly perSecond: number;
  readonly calls: number;
  readonly errors: number;
  readonly firstError: string | undefined;
}

/** The longest that nothing may happen after the time of a load is over. */
const GRACE_MS = 30_000;
/** A leg with more is not measured any further. */
const MAX_ERRORS = 100;

/** Rejects when `work` takes longer. */
export async function within<T>(limitMs: number, what: string, work: Promise<T>): Promise<T> {
  const abort = new AbortController();
  const late = pause(limitMs, undefined, { signal: abort.signal }).then(() => {
    throw new Error(`${what}: not within ${limitMs / 1_000} s`);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    abort.abort();
    late.catch(() => undefined);
  }
}

/** Calls one after another in as many lanes as told, until the time is over; rejects when answers stay away. */
export async function applyLoad({
  call,
  concurrency,
  forMs,
  minCalls = concurrency,
}: Load): Promise<LoadFigures> {
  const times: number[] = [];
  let [started, errors] = [0, 0];
  let firstError: string | undefined;
  const began = performance.now();
  let now = began;
  const lane = async (): Promise<void> => {
    while ((now - began < forMs || started < minCalls) && errors <= MAX_ERRORS) {
      started += 1;
      const at = performance.now();
      try {
        await call();
      } catch (error) {
        errors += 1;
        firstError ??= error instanceof Error ? error.message : String(error);
      }
      now = performance.now();
      times.push(now - at);
    }
  };
  await within(
    forMs + GRACE_MS,
    `${concurrency} calls at a time`,
    Promise.all(Array.from({ length: concurrency }, lane)),
  );
  const seconds = (now - began) / 1_000;
  times.sort((a, b) => a - b);
  const at = (p: number): number => times[Math.min(times.length - 1, Math.floor(p * times.length))] ?? NaN;
  return {
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    perSecond: times.length / seconds,
    calls: times.length,
    errors,
    firstError,
  };
}
