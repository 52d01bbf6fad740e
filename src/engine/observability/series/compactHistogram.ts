/**
 * A distribution of latencies in few bytes: counts by logarithmic classes, 8 in an octave, so that a figure read out of it is off by 4.5 % at
 * most; the longest is kept exactly beside it. Two of them can be added without loss, which percentiles cannot.
 */

const CLASSES_PER_OCTAVE = 8;
/** 1 µs to 2^33 µs (2.4 hours): longer than a call can take. */
export const MAX_CLASS = 33 * CLASSES_PER_OCTAVE;

/** Counts by class; sparse, in order of the classes. */
export type CompactHistogram = ReadonlyMap<number, number>;

/** The class of a latency. */
export function classOf(ms: number): number {
  const micros = ms * 1_000;
  if (!(micros > 1)) return 0;
  return Math.min(MAX_CLASS, Math.floor(Math.log2(micros) * CLASSES_PER_OCTAVE));
}

/** The geometric middle of a class, in milliseconds. */
function middleOf(index: number): number {
  return 2 ** ((index + 0.5) / CLASSES_PER_OCTAVE) / 1_000;
}

export function histogramOf(latenciesMs: Iterable<number>): CompactHistogram {
  const counts = new Map<number, number>();
  for (const ms of latenciesMs) {
    const index = classOf(ms);
    counts.set(index, (counts.get(index) ?? 0) + 1);
  }
  return inOrder(counts);
}

export function addHistograms(a: CompactHistogram, b: CompactHistogram): CompactHistogram {
  if (a.size === 0) return b;
  if (b.size === 0) return a;
  const counts = new Map(a);
  for (const [index, count] of b) counts.set(index, (counts.get(index) ?? 0) + count);
  return inOrder(counts);
}

function inOrder(counts: Map<number, number>): CompactHistogram {
  return new Map([...counts].sort(([a], [b]) => a - b));
}

export function totalOf(histogram: CompactHistogram): number {
  let total = 0;
  for (const count of histogram.values()) total += count;
  return total;
}

/** Percentiles by the nearest-rank method, in milliseconds; `maxMs` is the longest, which the last rank is exactly. */
export function percentilesOf(
  histogram: CompactHistogram,
  maxMs: number,
  shares: readonly number[],
): readonly number[] {
  const total = totalOf(histogram);
  return shares.map((share) => {
    const rank = Math.max(1, Math.ceil(share * total));
    if (rank >= total) return maxMs;
    let seen = 0;
    for (const [index, count] of histogram) {
      seen += count;
      if (seen >= rank) return Math.min(maxMs, middleOf(index));
    }
    return maxMs;
  });
}

/** Counts the latencies of one stretch of time: an addition a call, and a kilobyte. */
export class LatencyClasses {
  readonly #counts = new Uint32Array(MAX_CLASS + 1);
  #isEmpty = true;
  #maxMs = 0;

  record(ms: number): void {
    const index = classOf(ms);
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    if (ms > this.#maxMs) this.#maxMs = ms;
    this.#isEmpty = false;
  }

  /** What was recorded since the last time, and begins anew. */
  take(): { readonly latencies: CompactHistogram; readonly maxMs: number } {
    const latencies = new Map<number, number>();
    const maxMs = this.#maxMs;
    if (this.#isEmpty) return { latencies, maxMs };
    this.#counts.forEach((count, index) => {
      if (count > 0) latencies.set(index, count);
    });
    this.#counts.fill(0);
    this.#isEmpty = true;
    this.#maxMs = 0;
    return { latencies, maxMs };
  }
}
