import type { Clock } from '../shared/base/clock.ts';

/** The wall clock of the machine that the servers run on: with a remote host it is not the one in front of the person. */
export class HostTime {
  readonly #clock: Clock;
  #offset: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The host says what time it is. */
  set(now: number): void {
    this.#offset = now - this.#clock.now();
  }

  /** `undefined` before the host has said anything. */
  get now(): number | undefined {
    return this.#offset === undefined ? undefined : this.#clock.now() + this.#offset;
  }
}
