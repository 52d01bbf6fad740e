/** Times of one kind, milliseconds: how many, their mean, the longest and the last one. */
export class Durations {
  #count = 0;
  #totalMs = 0;
  #longestMs = 0;
  #lastMs = 0;

  note(ms: number): void {
    this.#count += 1;
    this.#totalMs += ms;
    this.#longestMs = Math.max(this.#longestMs, ms);
    this.#lastMs = ms;
  }

  get count(): number {
    return this.#count;
  }

  get totalMs(): number {
    return this.#totalMs;
  }

  /** `undefined` before the first. */
  get figures():
    { readonly averageMs: number; readonly longestMs: number; readonly lastMs: number } | undefined {
    if (this.#count === 0) return undefined;
    return { averageMs: this.#totalMs / this.#count, longestMs: this.#longestMs, lastMs: this.#lastMs };
  }
}
