import type { Clock } from '../../shared/base/clock.ts';
import type { Disposable } from '../../shared/base/disposable.ts';

/** Something that falls due unless it is removed before. */
export interface DueItem {
  /** Monotonic milliseconds; does not change while it is in. */
  readonly dueAt: number;
  /** Where it stands; -1 to begin with. Only `DueTimes` changes it. */
  place: number;
  onDue(): void;
}

/**
 * Many items and one timer. Almost all calls end long before their deadline: a timer of its own for each would be made and removed for nothing. The timer is
 * set for the earliest item there was when it was set; when it fires too early, because that one is gone, it is set anew.
 */
export class DueTimes {
  readonly #clock: Clock;
  /** In no order. No `Set`: its old tables would keep what the items hold (see `SlotMap`). */
  readonly #items: DueItem[] = [];
  #timer: Disposable | undefined;
  #timerAt = Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(item: DueItem): void {
    if (item.place < 0) item.place = this.#items.push(item) - 1;
    if (item.dueAt < this.#timerAt) this.#setTimer(item.dueAt);
  }

  delete(item: DueItem): void {
    const { place } = item;
    if (place < 0) return;
    item.place = -1;
    const last = this.#items.pop();
    if (last !== undefined && last !== item) {
      this.#items[place] = last;
      last.place = place;
    }
    if (this.#items.length > 0) return;
    this.#timer?.dispose();
    this.#timer = undefined;
    this.#timerAt = Infinity;
  }

  #setTimer(at: number): void {
    this.#timer?.dispose();
    this.#timerAt = at;
    this.#timer = this.#clock.setTimer(at - this.#clock.now(), () => this.#onTimer());
  }

  #onTimer(): void {
    this.#timer = undefined;
    // The platform's timers count whole milliseconds, and may be early by a part of one.
    const now = Math.max(this.#clock.now(), this.#timerAt);
    this.#timerAt = Infinity;
    const due: DueItem[] = [];
    let next = Infinity;
    for (const item of this.#items) {
      if (item.dueAt <= now) due.push(item);
      else next = Math.min(next, item.dueAt);
    }
    if (next < Infinity) this.#setTimer(next);
    due.sort((a, b) => a.dueAt - b.dueAt);
    const errors: unknown[] = [];
    for (const item of due) {
      // One before it may have taken it out, or put it off.
      if (item.place < 0 || item.dueAt > now) continue;
      this.delete(item);
      try {
        item.onDue();
      } catch (error) {
        errors.push(error); // the others' time is over all the same
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, 'What was due failed');
  }
}

const byClock = new WeakMap<Clock, DueTimes>();

/** Those of a clock: one timer for all that is due by it. */
export function dueTimesOf(clock: Clock): DueTimes {
  let times = byClock.get(clock);
  if (times === undefined) {
    times = new DueTimes(clock);
    byClock.set(clock, times);
  }
  return times;
}
