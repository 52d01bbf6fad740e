import { setTimeout as pause } from 'node:timers/promises';

export interface Load {
  /** @param lane the number of the lane, from 0; in each, one call follows another */
  readonly call: (lane: number) => Promise<void>;
  /** So many calls at a time. */
  readonly concurrency: number;
  readonly forMs: number;
  /** Fewer calls than this are not measured, even if they take longer; default: one for each that is under way at a time. */
  readonly minCalls?: number;
  /** Nothing is begun after this time, whatever `minCalls` says; default: no end. */
  readonly maxMs?: number;
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
  maxMs = Infinity,
}: Load): Promise<LoadFigures> {
  const times: number[] = [];
  let [started, errors] = [0, 0];
  let firstError: string | undefined;
  const began = performance.now();
  let now = began;
  const runLane = async (lane: number): Promise<void> => {
    while ((now - began < forMs || (started < minCalls && now - began < maxMs)) && errors <= MAX_ERRORS) {
      started += 1;
      const at = performance.now();
      try {
        await call(lane);
      } catch (error) {
        errors += 1;
        firstError ??= error instanceof Error ? error.message : String(error);
      }
      now = performance.now();
      times.push(now - at);
    }
  };
  await within(
    Math.max(forMs, Number.isFinite(maxMs) ? maxMs : 0) + GRACE_MS,
    `${concurrency} calls at a time`,
    Promise.all(Array.from({ length: concurrency }, (_, lane) => runLane(lane))),
  );
  return figuresOf(times, now - began, { errors, firstError });
}

function figuresOf(
  times: number[],
  tookMs: number,
  problems: { readonly errors: number; readonly firstError: string | undefined },
): LoadFigures {
  times.sort((a, b) => a - b);
  const at = (p: number): number => times[Math.min(times.length - 1, Math.floor(p * times.length))] ?? NaN;
  return {
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    perSecond: times.length / (tookMs / 1_000),
    calls: times.length,
    ...problems,
  };
}

export interface Rate {
  readonly call: (lane: number) => Promise<void>;
  readonly perSecond: number;
  /** The calls go to these in turn. */
  readonly lanes: number;
  readonly forMs: number;
}

/** Calls at a fixed rate, whether or not those before are answered. */
export async function applyRate({ call, perSecond, lanes, forMs }: Rate): Promise<LoadFigures> {
  const times: number[] = [];
  const open: Promise<void>[] = [];
  let errors = 0;
  let firstError: string | undefined;
  const began = performance.now();
  for (let count = 0; (count / perSecond) * 1_000 < forMs; count += 1) {
    const due = began + (count / perSecond) * 1_000;
    // The timer of Node is good for a millisecond: what is due within it is sent now.
    if (due > performance.now() + 1) await pause(due - performance.now());
    const at = performance.now();
    const answered = call(count % lanes)
      .catch((error: unknown) => {
        errors += 1;
        firstError ??= error instanceof Error ? error.message : String(error);
      })
      .then(() => void times.push(performance.now() - at));
    open.push(answered);
  }
  await within(GRACE_MS, `${perSecond} calls a second`, Promise.all(open));
  return figuresOf(times, performance.now() - began, { errors, firstError });
}
