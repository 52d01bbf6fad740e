const SLOT_MS = 100;
const SLOTS = 100;
/** As many ends make a figure; fewer are chance. */
const ENOUGH = 50;
const MIN_WINDOW_MS = 1_000;

export interface GoodputFigures {
  /** Answers a second; 0 when it has been counted for less than a second. */
  readonly perSecond: number;
  readonly isKnown: boolean;
  /** Share of the requests that the server refused. */
  readonly refusedRatio: number;
}

/** What a server answered and refused lately: in the shortest time from 1 to 10 s that has 50 of them. */
export class Goodput {
  readonly #answered = new Uint32Array(SLOTS);
  readonly #refused = new Uint32Array(SLOTS);
  #slot = 0;
  #since = Infinity;

  add(now: number): void {
    this.#count(this.#answered, now);
  }

  addRefused(now: number): void {
    this.#count(this.#refused, now);
  }

  figures(now: number): GoodputFigures {
    this.#moveTo(now);
    const oldestMs = Math.min(SLOTS * SLOT_MS, now - this.#since);
    let answered = 0;
    let refused = 0;
    // The present slot has only begun.
    let ms = now - this.#slot * SLOT_MS;
    for (let back = 0; back < SLOTS; back += 1) {
      const index = (this.#slot - back + SLOTS) % SLOTS;
      answered += this.#answered[index] ?? 0;
      refused += this.#refused[index] ?? 0;
      if (back > 0) ms += SLOT_MS;
      if ((ms >= MIN_WINDOW_MS && answered + refused >= ENOUGH) || ms >= oldestMs) break;
    }
    const isKnown = oldestMs >= MIN_WINDOW_MS;
    return {
      isKnown,
      perSecond: isKnown ? (answered / Math.min(ms, oldestMs)) * 1_000 : 0,
      refusedRatio: refused / Math.max(1, answered + refused),
    };
  }

  #count(counts: Uint32Array, now: number): void {
    this.#moveTo(now);
    this.#since = Math.min(this.#since, now);
    const index = this.#slot % SLOTS;
    counts[index] = (counts[index] ?? 0) + 1;
  }

  #moveTo(now: number): void {
    const slot = Math.floor(now / SLOT_MS);
    const steps = Math.min(SLOTS, slot - this.#slot);
    for (let step = 1; step <= steps; step += 1) {
      const index = (slot - steps + step) % SLOTS;
      this.#answered[index] = 0;
      this.#refused[index] = 0;
    }
    if (slot - this.#slot >= SLOTS) this.#since = now;
    this.#slot = Math.max(this.#slot, slot);
  }
}
