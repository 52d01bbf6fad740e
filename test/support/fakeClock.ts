import type { Clock } from '../../src/shared/base/clock.ts';
import { toDisposable, type Disposable } from '../../src/shared/base/disposable.ts';

interface Timer {
  readonly due: number;
  readonly order: number;
  readonly action: () => void;
}

/** A clock that stands still until a test moves it. */
export class FakeClock implements Clock {
  #now = 1_000;
  #order = 0;
  #sleptMs = 0;
  readonly #timers = new Set<Timer>();

  now(): number {
    return this.#now;
  }

  wallNow(): number {
    return 1_700_000_000_000 + this.#now + this.#sleptMs;
  }

  /** Timers that have not fired. */
  get pending(): number {
    return this.#timers.size;
  }

  setTimer(delayMs: number, action: () => void): Disposable {
    this.#order += 1;
    const timer = { due: this.#now + Math.max(0, delayMs), order: this.#order, action };
    this.#timers.add(timer);
    return toDisposable(() => this.#timers.delete(timer));
  }

  /** This process stands still: time passes, and what was due meanwhile fires late, with the next `advance`. */
  stall(ms: number): void {
    this.#now += ms;
  }

  /** The machine sleeps, as Linux counts it: the wall clock goes on, the monotonic one and the timers do not. */
  sleep(ms: number): void {
    this.#sleptMs += ms;
  }

  /** Moves time on, firing timers in order, and lets promises settle after each. */
  advance(byMs: number): Promise<void> {
    return this.#advance(byMs, settle);
  }

  /** As `advance`, for what waits for nothing but promises: thousands of runs take seconds, not minutes. */
  advanceQuickly(byMs: number): Promise<void> {
    return this.#advance(byMs, settleQuickly);
  }

  async #advance(byMs: number, settle: () => Promise<void>): Promise<void> {
    const target = this.#now + byMs;
    for (;;) {
      await settle();
      const next = [...this.#timers]
        .filter((timer) => timer.due <= target)
        .sort((a, b) => a.due - b.due || a.order - b.order)[0];
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.due);
      next.action();
    }
    this.#now = target;
    await settle();
  }
}

/** Lets everything run that is only waiting for promises. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Lets promises settle, as far as they hang on each other within a few turns. */
export async function settleQuickly(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}
