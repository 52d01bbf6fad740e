import type { Clock } from '../../src/shared/base/clock.ts';
import type { Disposable } from '../../src/shared/base/disposable.ts';

/** A clock for what has no timers of its own: time is a number that a test sets, so that thousands of sequences take a moment. */
export class StillClock implements Clock {
  #now = 0;

  now(): number {
    return this.#now;
  }

  wallNow(): number {
    return 1_700_000_000_000 + this.#now;
  }

  setTimer(): Disposable {
    throw new Error('a timer, where none was promised');
  }

  advance(byMs: number): void {
    this.#now += byMs;
  }
}
