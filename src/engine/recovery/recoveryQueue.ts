import type { Clock } from '../../shared/base/clock.ts';
import { toDisposable, type Disposable } from '../../shared/base/disposable.ts';

interface Entry {
  readonly dueAt: number;
  readonly timer: Disposable;
  readonly run: () => void;
}

/**
 * The one scheduler that decides when a failed connection is tried again (design §4); everything else only proposes
 * a time. A connection leaves it by being tried, or by being removed.
 */
export class RecoveryQueue implements Disposable {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Tries `key` in `delayMs`; an earlier plan for it is replaced. Dispose to take it out. */
  schedule(key: string, delayMs: number, run: () => void): Disposable {
    this.remove(key);
    const timer = this.#clock.setTimer(delayMs, () => {
      this.#entries.delete(key);
      run();
    });
    const entry = { dueAt: this.#clock.now() + delayMs, timer, run };
    this.#entries.set(key, entry);
    return toDisposable(() => {
      if (this.#entries.get(key) === entry) this.remove(key);
    });
  }

  /** Milliseconds until `key` is tried. */
  dueInMs(key: string): number | undefined {
    const entry = this.#entries.get(key);
    return entry === undefined ? undefined : Math.max(0, entry.dueAt - this.#clock.now());
  }

  remove(key: string): void {
    this.#entries.get(key)?.timer.dispose();
    this.#entries.delete(key);
  }

  dispose(): void {
    for (const key of [...this.#entries.keys()]) this.remove(key);
  }
}
