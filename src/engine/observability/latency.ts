import type { LatencySnapshot } from '../../shared/model/snapshot.ts';

const SAMPLES = 256;

/** The latencies of the most recent calls, in a ring. */
export class LatencyRing {
  readonly #samples = new Float64Array(SAMPLES);
  #count = 0;

  add(ms: number): void {
    this.#samples[this.#count % SAMPLES] = ms;
    this.#count += 1;
  }

  /** `undefined` before the first call. Percentiles by the nearest-rank method. */
  get snapshot(): LatencySnapshot | undefined {
    return this.since(0);
  }

  /** How many were added so far. */
  get count(): number {
    return this.#count;
  }

  /**
   * The same of what was added after the first `count`; of many, of the newest 256. So that a part of the time can be looked
   * at without anything being done for it when a call ends.
   */
  since(count: number): LatencySnapshot | undefined {
    const size = Math.min(this.#count - count, SAMPLES);
    if (size <= 0) return undefined;
    const sorted = new Float64Array(size);
    for (let back = 0; back < size; back += 1) {
      sorted[back] = this.#samples[(this.#count - 1 - back) % SAMPLES] ?? 0;
    }
    const lastMs = sorted[0] ?? 0;
    sorted.sort();
    const rank = (p: number): number => sorted[Math.max(0, Math.ceil(p * size) - 1)] ?? 0;
    return { p50Ms: rank(0.5), p95Ms: rank(0.95), p99Ms: rank(0.99), lastMs, samples: size };
  }
}
