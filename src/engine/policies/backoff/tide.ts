import type { Clock } from '../../../shared/base/clock.ts';

/** As many servers failing within that time fail for one reason: a wake, a network that is gone. */
const TIDE_SERVERS = 3;
const TIDE_WINDOW_MS = 2_000;

/** Sees that several servers fail together, so that they do not come back together (reference, herd measurement). */
export class Tide {
  readonly #clock: Clock;
  /** When each server failed last; those outside the window are forgotten. */
  readonly #failedAt = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Notes that a server failed now. Answers whether it is one of many. */
  note(server: string): boolean {
    const now = this.#clock.now();
    this.#failedAt.set(server, now);
    for (const [name, at] of this.#failedAt) if (now - at > TIDE_WINDOW_MS) this.#failedAt.delete(name);
    return this.#failedAt.size >= TIDE_SERVERS;
  }
}
