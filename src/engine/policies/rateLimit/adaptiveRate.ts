import { Goodput } from './goodput.ts';

/** Requests a second (requirements R10.2). */
const MIN_RATE = 1;
const MAX_RATE = 1_000;
export const START_RATE = 100;
/** So far below the edge it goes when something was refused. */
const BELOW_EDGE = 0.95;
/** From there on it is next to the edge; what is lower has been made so by latency. */
const NEAR_EDGE = 0.9;
/** A sign takes this share of the rate at most. */
const DECREASE_RATIO = 0.5;
/** What is still on its way when the rate was lowered is no second sign. */
const DECREASE_INTERVAL_MS = 1_000;
/** While it refuses no more than this share, the edge is at the rate itself. */
const FEW_REFUSED_RATIO = 0.3;
/** Who has had no sign for this long has climbed to the edge, and knows where it is. */
const CALM_MS = 5_000;
/** Without an edge in sight the rate doubles in this time of full use. */
const DOUBLING_MS = 1_000;
/** Well below the edge, and beyond where it was expected: more carefully. */
const CAREFUL_DOUBLING_MS = 3_000;
/** Next to the edge it grows by this share of it … */
const EDGE_ZONE = 0.15;
/** … in this time at least … */
const EDGE_ZONE_MS = 15_000;
/** … and, where two edges in a row were the same, in so many answers, so that looking for it costs few of them at any rate. */
const EDGE_ZONE_ANSWERS = 400;
const SAME_EDGE = 0.1;
/** The rate does not grow while fewer than this share of it are answered; what it doubled to just now has no answers yet. */
const ANSWERED_RATIO = 0.5;
/** Growth is counted answer by answer; a pause between two is no use of the rate. */
const MAX_STEP_MS = 500;

/**
 * How many requests a second a server may get (AIMD; Chiu and Jain 1989): from 1 to 1,000, at first 100. A sign that it is too much lowers the rate to
 * just below what the server has answered lately, which is what it can do when it has too much; that is the edge. From there the rate
 * grows slowly across the edge, and quickly when it is not there any more. It grows only while it is what holds requests back: what was never tried says nothing.
 */
export class AdaptiveRate {
  #max: number;
  #rate: number;
  #edge: number | undefined;
  #isConfirmed = false;
  #decreasedAt = -Infinity;
  #era = 0;
  #grownAt = -Infinity;
  #goodput = new Goodput();

  /** `max`: requests/s that a person allows. */
  constructor(max: number = MAX_RATE, start: number = START_RATE) {
    this.#max = max;
    this.#rate = Math.min(max, Math.max(MIN_RATE, start));
  }

  get value(): number {
    return this.#rate;
  }

  get max(): number {
    return this.#max;
  }

  /** Changes with each decrease: who was let go before tells nothing new. */
  get era(): number {
    return this.#era;
  }

  setMax(max: number = MAX_RATE): void {
    this.#max = max;
    this.#rate = Math.min(this.#rate, max);
  }

  /** It answers again after nothing but refusals: what was before says nothing. */
  noteRecovered(): void {
    this.#goodput = new Goodput();
    this.#edge = undefined;
  }

  /** `isLimiting`: requests wait for the rate, and the server shows no sign of having enough. */
  noteAnswered(now: number, isLimiting: boolean): void {
    this.#goodput.add(now);
    const stepMs = Math.min(MAX_STEP_MS, now - this.#grownAt);
    this.#grownAt = now;
    if (isLimiting && stepMs > 0 && this.#isAnswered(now))
      this.#rate = Math.min(this.#max, this.#grown(stepMs));
  }

  /** A request was refused. `era`: when it was let go. False when it tells nothing new. */
  noteRefused(now: number, era: number): boolean {
    this.#goodput.addRefused(now);
    if (!this.#isNews(now, era)) return false;
    const rate = this.#rate;
    const { refusedRatio, perSecond } = this.#goodput.figures(now);
    const isFar = this.#edge === undefined || refusedRatio > FEW_REFUSED_RATIO;
    const edge = isFar ? Math.min(rate, Math.max(perSecond, rate * DECREASE_RATIO)) : rate;
    this.#lower(now, edge * BELOW_EDGE, edge);
    return true;
  }

  /**
   * It answers, but slowly, or with errors. `ratio`: how far below what it does the rate is to go. While it works off what waits at it, it does more than it is
   * given, and the rate is low enough.
   */
  noteOverload(now: number, era: number, ratio: number): boolean {
    if (!this.#isNews(now, era)) return false;
    const rate = this.#rate;
    const { perSecond } = this.#goodput.figures(now);
    const lowered = Math.max(perSecond * ratio, rate * DECREASE_RATIO);
    if (lowered >= rate) return false;
    this.#lower(now, lowered, Math.max(perSecond, lowered));
    return true;
  }

  #isNews(now: number, era: number): boolean {
    return era === this.#era && now - this.#decreasedAt >= DECREASE_INTERVAL_MS;
  }

  #lower(now: number, rate: number, edge: number): void {
    const known = this.#edge;
    const isSame = known !== undefined && Math.abs(edge / known - 1) < SAME_EDGE;
    const isCalm = now - this.#decreasedAt > CALM_MS;
    this.#isConfirmed = isSame && (isCalm || this.#isConfirmed);
    this.#edge = isSame && this.#isConfirmed ? (edge + known) / 2 : edge;
    this.#rate = Math.max(MIN_RATE, rate);
    this.#decreasedAt = now;
    this.#grownAt = now;
    this.#era += 1;
  }

  /** A server that answers much less than it is given has no head-room. */
  #isAnswered(now: number): boolean {
    const { perSecond, isKnown } = this.#goodput.figures(now);
    return !isKnown || perSecond >= this.#rate * ANSWERED_RATIO;
  }

  #grown(stepMs: number): number {
    const rate = this.#rate;
    const edge = this.#edge;
    if (edge === undefined) return rate * 2 ** (stepMs / DOUBLING_MS);
    const isNear = rate >= edge * NEAR_EDGE && rate <= edge * (BELOW_EDGE + EDGE_ZONE);
    if (!isNear) return rate * 2 ** (stepMs / CAREFUL_DOUBLING_MS);
    const part = this.#isConfirmed
      ? Math.min(stepMs / EDGE_ZONE_MS, 1 / EDGE_ZONE_ANSWERS)
      : stepMs / EDGE_ZONE_MS;
    return rate + edge * EDGE_ZONE * part;
  }
}
