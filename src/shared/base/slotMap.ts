/** The table is made anew after so many additions, or four times as many as it holds. */
const RENEW_AFTER = 256;

/**
 * A `Map` from text for what comes and goes all the time, such as open calls.
 *
 * A JavaScript `Map` makes a new table every few entries, and the old table points to the new one. A full collection moves the table of the
 * moment among the old objects; when it is dropped, it keeps the next one alive until the next full collection, that one the table after it, and so on, each with
 * everything that was in it: young objects are collected without looking whether an old one is still in use. Every call survived that way, with its buffers. Here a
 * table holds keys and numbers only, the values stand in places that are cleared, and now and then a table begins that no other one points to.
 */
export class SlotMap<V> {
  readonly #slots: (V | undefined)[] = [];
  readonly #free: number[] = [];
  #slotOf = new Map<string, number>();
  #additions = 0;

  get size(): number {
    return this.#slotOf.size;
  }

  has(key: string): boolean {
    return this.#slotOf.has(key);
  }

  get(key: string): V | undefined {
    const slot = this.#slotOf.get(key);
    return slot === undefined ? undefined : this.#slots[slot];
  }

  set(key: string, value: V): this {
    let slot = this.#slotOf.get(key);
    if (slot === undefined) {
      this.#additions += 1;
      if (this.#additions > RENEW_AFTER && this.#additions > 4 * this.#slotOf.size) {
        this.#slotOf = new Map(this.#slotOf);
        this.#additions = 0;
      }
      slot = this.#free.pop() ?? this.#slots.length;
      this.#slotOf.set(key, slot);
    }
    this.#slots[slot] = value;
    return this;
  }

  /** Whether it was there. */
  delete(key: string): boolean {
    const slot = this.#slotOf.get(key);
    if (slot === undefined) return false;
    this.#slotOf.delete(key);
    this.#slots[slot] = undefined;
    this.#free.push(slot);
    return true;
  }

  clear(): void {
    this.#slotOf.clear();
    this.#slots.length = 0;
    this.#free.length = 0;
  }

  /** In the order in which the keys were added. What is deleted meanwhile is left out; what is added may be. */
  *[Symbol.iterator](): Generator<[string, V], undefined> {
    for (const [key, slot] of this.#slotOf) {
      // The place may be another's by now, where the table has been renewed.
      if (this.#slotOf.get(key) === slot) yield [key, this.#slots[slot] as V];
    }
  }

  *values(): Generator<V, undefined> {
    for (const [, value] of this) yield value;
  }
}
