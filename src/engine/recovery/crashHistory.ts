import type { Clock } from '../../shared/base/clock.ts';

/** Failures are counted within this time (requirements R2, `maxRestartAttempts`: 3 in 3 min). */
export const CRASH_WINDOW_MS = 180_000;
/** In a crash loop one attempt after 60 s, then doubling to 300 s, for ever. */
const LOOP_FIRST_MS = 60_000;
const LOOP_MAX_MS = 300_000;
/** A process that has been ready this long, or has answered a call, was of use: its end starts the count anew. */
const PRODUCTIVE_AFTER_MS = 30_000;

export type RestartDecision =
  | { readonly kind: 'retry'; readonly failures: number }
  | { readonly kind: 'crashLoop'; readonly delayMs: number };

/**
 * Decides from a server's recent ends whether it is started again soon or is in a crash loop. A server that works
 * between its crashes is no crash loop, however often it is killed.
 */
export class CrashHistory {
  readonly #clock: Clock;
  #failures: number[] = [];
  #loops = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  static wasProductive(readyForMs: number | undefined, answeredCalls: number): boolean {
    return answeredCalls > 0 || (readyForMs ?? 0) >= PRODUCTIVE_AFTER_MS;
  }

  /** Notes the end of a launch and says what to do. */
  ended(productive: boolean, maxAttempts: number): RestartDecision {
    const now = this.#clock.now();
    if (productive) this.reset();
    this.#failures = this.#failures.filter((at) => now - at < CRASH_WINDOW_MS);
    this.#failures.push(now);
    if (this.#loops === 0 && this.#failures.length < maxAttempts) {
      return { kind: 'retry', failures: this.#failures.length };
    }
    const delayMs = Math.min(LOOP_MAX_MS, LOOP_FIRST_MS * 2 ** Math.min(this.#loops, 10));
    this.#loops += 1;
    return { kind: 'crashLoop', delayMs };
  }

  reset(): void {
    this.#failures = [];
    this.#loops = 0;
  }
}
