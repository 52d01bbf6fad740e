/** Counts what befalls many calls at once as what it is: one failure. */
export class Outages {
  #known = 0;

  /** How many there were; a call that is sent now knows of these. */
  get known(): number {
    return this.#known;
  }

  /** True for the first of the calls that knew of as many when they were sent. */
  count(known: number): boolean {
    if (known !== this.#known) return false;
    this.#known += 1;
    return true;
  }
}
