import type { Vitals } from '../health/vitals.ts';
import type { Transport } from './transport.ts';

/** Whether a server is read, and why not: because its client does not read, or because it sends faster than it can be handled. */
export class ReadingHolds {
  readonly #transport: () => Pick<Transport, 'pauseReading' | 'resumeReading'>;
  readonly #vitals: Vitals;
  #forClients = 0;
  #isFlooding = false;

  /** `transport` is asked when it is needed: a transport may speak while it is being made. */
  constructor(transport: () => Pick<Transport, 'pauseReading' | 'resumeReading'>, vitals: Vitals) {
    this.#transport = transport;
    this.#vitals = vitals;
  }

  /** A client does not read. */
  get isHeldUp(): boolean {
    return this.#forClients > 0;
  }

  get isFlooding(): boolean {
    return this.#isFlooding;
  }

  /** Until `resume` was called as often. */
  pause(): void {
    this.#forClients += 1;
    if (this.#forClients === 1 && !this.#isFlooding) this.#transport().pauseReading();
  }

  resume(): void {
    this.#forClients -= 1;
    if (this.#forClients > 0) return;
    this.#vitals.heldUp();
    if (!this.#isFlooding) this.#transport().resumeReading();
  }

  setFlooding(isFlooding: boolean): void {
    this.#isFlooding = isFlooding;
    if (!isFlooding) this.#vitals.flooded();
    if (this.#forClients > 0) return;
    if (isFlooding) this.#transport().pauseReading();
    else this.#transport().resumeReading();
  }
}
