/** Shares of a processor's time, all processors together. */
const BUSY_CPU = 0.8;
const IDLE_CPU = 0.3;
const MIN_SHARE = 1 / 64;

/** What our own traffic (checks, prefetch) may have of the rate, by how busy the machine is (requirements R10.2). A person's call knows nothing of it. */
export class BackgroundShare {
  #share = 1;

  /** From 1/64 to 1. */
  get value(): number {
    return this.#share;
  }

  /** `cpuRatio`: how much of the machine was in use since the last sample, 0 to 1. */
  sample(cpuRatio: number): void {
    if (cpuRatio > BUSY_CPU) this.#share = Math.max(MIN_SHARE, this.#share / 2);
    else if (cpuRatio < IDLE_CPU) this.#share = Math.min(1, this.#share * 2);
  }
}
