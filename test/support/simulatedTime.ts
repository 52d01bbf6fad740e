import type { Clock } from '../../src/shared/base/clock.ts';
import type { Disposable } from '../../src/shared/base/disposable.ts';

interface Happening {
  readonly due: number;
  readonly order: number;
  readonly action: (at: number) => void;
  isOver: boolean;
}

/** Happenings in the order of their time: a binary heap, because a simulated month has millions. */
class Agenda {
  readonly #heap: Happening[] = [];

  get first(): Happening | undefined {
    while (this.#heap[0]?.isOver === true) this.take();
    return this.#heap[0];
  }

  add(happening: Happening): void {
    const heap = this.#heap;
    let at = heap.push(happening) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(happening, heap[parent])) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = happening;
  }

  take(): Happening | undefined {
    const heap = this.#heap;
    const [first] = heap;
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (isBefore(heap[child + 1], heap[child])) child += 1;
      if (!isBefore(heap[child], last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(a: Happening | undefined, b: Happening | undefined): boolean {
  if (a === undefined || b === undefined) return b === undefined && a !== undefined;
  return a.due < b.due || (a.due === b.due && a.order < b.order);
}

/**
 * Time for simulations of weeks. As in Node's event loop, timers that are due run before what has come from outside: after a standstill our own timers
 * fire first, and only then is read what servers had answered long ago.
 */
export class SimulatedTime implements Clock {
  #now = 0;
  #sleptMs = 0;
  #order = 0;
  readonly #timers = new Agenda();
  readonly #outside = new Agenda();

  now(): number {
    return this.#now;
  }

  wallNow(): number {
    return 1_700_000_000_000 + this.#now + this.#sleptMs;
  }

  setTimer(delayMs: number, action: () => void): Disposable {
    return this.#add(this.#timers, this.#now + Math.max(0, delayMs), action);
  }

  /** Something that happens outside this process, and is read when we get to it; `action` is told when it happened. */
  outside(at: number, action: (at: number) => void): Disposable {
    return this.#add(this.#outside, at, action);
  }

  #add(agenda: Agenda, due: number, action: (at: number) => void): Disposable {
    this.#order += 1;
    const happening: Happening = { due, order: this.#order, action, isOver: false };
    agenda.add(happening);
    return { dispose: () => (happening.isOver = true) };
  }

  /** This process stands still. */
  stall(ms: number): void {
    this.#now += ms;
  }

  /** The machine sleeps, where the monotonic clock stands still meanwhile (Linux). */
  sleep(ms: number): void {
    this.#sleptMs += ms;
  }

  async runUntil(end: number): Promise<void> {
    do {
      // Everything that only waits for promises goes first.
      await new Promise((resolve) => setImmediate(resolve));
    } while (this.#step(end));
  }

  /** As `runUntil`, for what has no promises. */
  run(end: number): void {
    while (this.#step(end));
  }

  #step(end: number): boolean {
    const [timer, other] = [this.#timers.first, this.#outside.first];
    const isTimer =
      timer !== undefined && (other === undefined || timer.due <= Math.max(other.due, this.#now));
    const agenda = isTimer ? this.#timers : this.#outside;
    const next = isTimer ? timer : other;
    if (next === undefined || next.due > end) return false;
    agenda.take();
    this.#now = Math.max(this.#now, next.due);
    next.action(next.due);
    return true;
  }
}
