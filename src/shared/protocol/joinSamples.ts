/** Samples of one server that are kept, and told in one answer; the oldest are left out. */
export const MAX_SAMPLES = 2_000;

/** Something that tells of a stretch of time. */
export interface TimedSample {
  /** Wall-clock milliseconds of its end. */
  readonly at: number;
  /** How long it is; an interval when absent. */
  readonly ms?: number | undefined;
}

/**
 * What was known of one server, with what is new. A new sample replaces what begins at its beginning or later, and cuts what reaches into it;
 * what is older than the window goes.
 */
export function joinSamples<T extends TimedSample>(
  known: readonly T[],
  added: readonly T[],
  {
    intervalMs,
    windowMs,
    now,
  }: { readonly intervalMs: number; readonly windowMs: number; readonly now: number },
): T[] {
  const startOf = ({ at, ms }: TimedSample): number => at - (ms ?? intervalMs);
  const [first] = added;
  const begin = first === undefined ? Infinity : startOf(first);
  const kept = known.flatMap((sample) => {
    const start = startOf(sample);
    if (start >= begin) return [];
    return sample.at <= begin ? [sample] : [{ ...sample, at: begin, ms: begin - start }];
  });
  return [...kept, ...added].filter(({ at }) => now - at < windowMs).slice(-MAX_SAMPLES);
}
