import type { Clock } from '../shared/base/clock.ts';

/** What may take as long in one frame, in milliseconds: the browser needs the rest of its 16 to lay out and paint. */
const BUDGET_MS = 6;

/** Runs something before the next frame is drawn: the browser's `requestAnimationFrame`, or a test's. */
export type RequestFrame = (run: () => void) => void;

/**
 * Work that the page can do a frame later, a few milliseconds of it in each frame: fifty graphs that are drawn at once would hold up typing and
 * scrolling. What is asked for twice by the same owner before its turn is done once, as asked last.
 */
export class FrameQueue {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #requestFrame: RequestFrame;
  readonly #work = new Map<object, () => void>();
  #isRequested = false;

  constructor(clock: Pick<Clock, 'now'>, requestFrame: RequestFrame = (run) => requestAnimationFrame(run)) {
    this.#clock = clock;
    this.#requestFrame = requestFrame;
  }

  add(owner: object, work: () => void): void {
    this.#work.set(owner, work);
    this.#request();
  }

  /** It is not there any more. */
  remove(owner: object): void {
    this.#work.delete(owner);
  }

  #request(): void {
    if (this.#isRequested) return;
    this.#isRequested = true;
    this.#requestFrame(() => this.#run());
  }

  /** At least one thing in each frame, whatever it takes. */
  #run(): void {
    this.#isRequested = false;
    const until = this.#clock.now() + BUDGET_MS;
    for (const [owner, work] of this.#work) {
      this.#work.delete(owner);
      let isDone = false;
      try {
        work();
        isDone = true;
      } finally {
        // The others are not lost with one that failed.
        if (!isDone) this.#goOn();
      }
      if (this.#clock.now() >= until) break;
    }
    this.#goOn();
  }

  #goOn(): void {
    if (this.#work.size > 0) this.#request();
  }
}
