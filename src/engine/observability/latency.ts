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
    if (this.#count === 0) return undefined;
    const size = Math.min(this.#count, SAMPLES);
    const sorted = this.#samples.slice(0, size).sort();
    const rank = (p: number): number => sorted[Math.max(0, Math.ceil(p * size) - 1)] ?? 0;
    const lastMs = this.#samples[(this.#count - 1) % SAMPLES] ?? 0;
    return { p50Ms: rank(0.5), p95Ms: rank(0.95), p99Ms: rank(0.99), lastMs, samples: size };
  }
}
