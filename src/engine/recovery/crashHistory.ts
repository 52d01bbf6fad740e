import type { Clock } from '../../shared/base/clock.ts';

/** Failures are counted within this time (requirements R2, `maxRestartAttempts`: 3 in 3 min). */
export const CRASH_WINDOW_MS = 180_000;
/** In a crash loop one attempt after 60 s, then doubling to 300 s, for ever. */
const LOOP_FIRST_MS = 60_000;
const LOOP_MAX_MS = 300_000;
/** A process that has been ready this long, or has answered a call, was of use: its end starts the count anew. */
const PRODUCTIVE_AFTER_MS = 30_000;
/** One that answered as many calls besides, or was ready for ten minutes, was well: nothing is held against it any more. */
const SETTLED_CALLS = 2;
const SETTLED_AFTER_MS = 600_000;

/** What a launch was good for. */
export interface LaunchRecord {
  /** Absent when it never was ready. */
  readonly readyForMs: number | undefined;
  readonly answeredCalls: number;
}

/** It was of use to somebody. */
export function wasProductive({ readyForMs = 0, answeredCalls }: LaunchRecord): boolean {
  return answeredCalls > 0 || readyForMs >= PRODUCTIVE_AFTER_MS;
}

function wasSettled({ readyForMs = 0, answeredCalls }: LaunchRecord): boolean {
  if (readyForMs >= SETTLED_AFTER_MS) return true;
  return answeredCalls >= SETTLED_CALLS && readyForMs >= PRODUCTIVE_AFTER_MS;
}

export type RestartDecision =
  | { readonly kind: 'retry'; readonly failures: number }
  | { readonly kind: 'crashLoop'; readonly delayMs: number };

/**
 * Decides from a server's recent ends whether it is started again soon or is in a crash loop. A server that works
 * between its crashes is no crash loop, however often it is killed; one that soon falls into another loop goes on with its intervals.
 */
export class CrashHistory {
  readonly #clock: Clock;
  #failures: number[] = [];
  #isLooping = false;
  /** Steps made from the first interval towards the longest. */
  #steps = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Notes the end of a launch and says what to do. */
  ended(launch: LaunchRecord, maxAttempts: number): RestartDecision {
    const now = this.#clock.now();
    if (wasSettled(launch)) this.reset();
    else if (wasProductive(launch)) {
      this.#failures = [];
      this.#isLooping = false;
    }
    this.#failures = this.#failures.filter((at) => now - at < CRASH_WINDOW_MS);
    this.#failures.push(now);
    if (!this.#isLooping && this.#failures.length < maxAttempts) {
      return { kind: 'retry', failures: this.#failures.length };
    }
    this.#isLooping = true;
    const delayMs = Math.min(LOOP_MAX_MS, LOOP_FIRST_MS * 2 ** Math.min(this.#steps, 10));
    this.#steps += 1;
    return { kind: 'crashLoop', delayMs };
  }

  reset(): void {
    this.#failures = [];
    this.#isLooping = false;
    this.#steps = 0;
  }
}
