const BUCKETS = 60;

/** How many there were in the last `windowMs`, exact to a sixtieth of it: what is older than the window is never counted. Constant size. */
export class SlidingCount {
  readonly #buckets = new Uint32Array(BUCKETS);
  readonly #bucketMs: number;
  #newest: number | undefined;
  #sum = 0;

  constructor(windowMs: number) {
    this.#bucketMs = windowMs / BUCKETS;
  }

  add(count: number, now: number): void {
    const index = this.#moveTo(now) % BUCKETS;
    this.#buckets[index] = (this.#buckets[index] ?? 0) + count;
    this.#sum += count;
  }

  sum(now: number): number {
    this.#moveTo(now);
    return this.#sum;
  }

  /** When the sum may fall next; `undefined` when there is nothing left to forget. */
  get nextChangeAt(): number | undefined {
    return this.#newest === undefined || this.#sum === 0 ? undefined : (this.#newest + 1) * this.#bucketMs;
  }

  clear(): void {
    this.#buckets.fill(0);
    this.#sum = 0;
  }

  /** Answers the bucket of now, after what is too old has been forgotten. */
  #moveTo(now: number): number {
    const current = Math.floor(now / this.#bucketMs);
    const newest = this.#newest ?? current;
    for (let bucket = Math.max(newest + 1, current - BUCKETS + 1); bucket <= current; bucket += 1) {
      const index = bucket % BUCKETS;
      this.#sum -= this.#buckets[index] ?? 0;
      this.#buckets[index] = 0;
    }
    this.#newest = Math.max(newest, current);
    return this.#newest;
  }
}
