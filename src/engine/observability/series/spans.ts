import type { Clock } from '../../../shared/base/clock.ts';

/** The wall clock may go astray by so much from the monotonic one before a new span begins. */
const TOLERANCE_MS = 1_000;

/** One step of the sampling, in the time of its span. */
export interface Step {
  readonly span: number;
  readonly from: number;
  readonly ms: number;
}

/** How far a span goes. */
export interface Reach {
  readonly span: number;
  readonly until: number;
}

/**
 * Counts time for the series: by the monotonic clock inside a span, which is anchored to the wall clock once. Where both do not agree any more (the
 * machine slept, somebody put the clock right) and where no step was made for long, a new span begins; what lies between two spans is not known.
 */
export class Spans {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  #span: number;
  #anchor: number;
  #lastStep: number;

  constructor(clock: Clock, intervalMs: number) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.#anchor = this.#lastStep = clock.now();
    this.#span = Math.round(clock.wallNow());
  }

  /** The span under way, and the end of its last step. */
  get reach(): Reach {
    return { span: this.#span, until: this.#until };
  }

  get #until(): number {
    return this.#span + Math.round(this.#lastStep - this.#anchor);
  }

  /**
   * Steps up to now. Of a step that comes far too late only its last interval is told: nobody looked at the rest. `ended`: the span that
   * is over before this step, or with it.
   */
  step(): { readonly step: Step; readonly ended: Reach | undefined } {
    const now = this.#clock.now();
    const isLate = now - this.#lastStep > 2 * this.#intervalMs;
    let ended = isLate ? this.reach : undefined;
    if (isLate) this.#begin(now - this.#intervalMs, this.#clock.wallNow() - this.#intervalMs);
    const from = this.#until;
    this.#lastStep = now;
    const step = { span: this.#span, from, ms: this.#until - from };
    // When exactly the clocks parted nobody knows: what was counted until now is told as before it.
    if (Math.abs(this.#clock.wallNow() - this.#until) > TOLERANCE_MS) {
      ended ??= this.reach;
      this.#begin(now, this.#clock.wallNow());
    }
    return { step, ended };
  }

  #begin(at: number, wall: number): void {
    const next = Math.max(0, Math.round(wall));
    this.#anchor = this.#lastStep = at;
    this.#span = next === this.#span ? next + 1 : next;
  }
}
