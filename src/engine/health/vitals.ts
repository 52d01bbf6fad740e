import type { Clock } from '../../shared/base/clock.ts';

/**
 * When one launch of a server was last heard and asked. Written on the way of every message, so each note is one assignment; what it means is decided
 * elsewhere, and only when somebody looks.
 */
export class Vitals {
  readonly #clock: Clock;
  #abandonedAt = -Infinity;
  /** Monotonic milliseconds of its last message; also one that still waits in our own inbox. */
  heardAt: number;
  /** Monotonic milliseconds when a call was last written to it. */
  calledAt: number;
  /** Requests that it has answered, whoever asked, and however late. */
  answers = 0;
  /** Requests of our own that are not probes, such as lists: they explain a silence like a call does. */
  ownRequests = 0;
  /** It may still be at work on a call that was cancelled: its silence is explained until then. */
  excusedUntil = -Infinity;
  /** Monotonic milliseconds until when we did not read what it sent, because its client did not. */
  heldUpAt = -Infinity;
  /** The same, because it sent faster than it can be handled. */
  floodedAt = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.heardAt = clock.now();
    this.calledAt = clock.now();
  }

  heard(): void {
    this.heardAt = this.#clock.now();
  }

  /** A call is being written; answers the time. */
  called(): number {
    this.calledAt = this.#clock.now();
    return this.calledAt;
  }

  /** Nobody waits for a call any more that it was given `remainingMs` more for. */
  abandoned(remainingMs: number): void {
    this.#abandonedAt = this.#clock.now();
    this.excusedUntil = Math.max(this.excusedUntil, this.#clock.now() + remainingMs);
  }

  /** It has answered a request that was written at `writtenAt`; what was cancelled before that is behind it. */
  answered(writtenAt: number): void {
    this.answers += 1;
    if (writtenAt > this.#abandonedAt) this.excusedUntil = -Infinity;
  }

  heldUp(): void {
    this.heldUpAt = this.#clock.now();
  }

  flooded(): void {
    this.floodedAt = this.#clock.now();
  }
}
