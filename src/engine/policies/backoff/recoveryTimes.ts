/** What one recovery taught: it was still down at `afterMs` and up at `byMs`, counted from its failure. */
export interface RecoveryTime {
  readonly afterMs: number;
  readonly byMs: number;
  /** Attempts it took, the successful one among them. */
  readonly attempts: number;
}

/** Recoveries that are kept for people; the averages outlive them. */
const MAX_KEPT = 16;
/** What one recovery weighs against all before it. */
const WEIGHT = 0.3;
/** Fewer recoveries than this are chance. */
const MIN_RECOVERIES = 2;
/** Attempts are made this many deviations after the average. The last one covers the odd late recovery. */
const DEVIATIONS = [0.5, 2];

/**
 * How long a server's outages lasted, as far as its attempts could tell (requirements R5.8). An exponentially weighted mean and mean deviation,
 * as TCP keeps of its round trips (RFC 6298, section 2): two numbers, however long it runs.
 */
export class RecoveryTimes {
  readonly #kept: RecoveryTime[] = [];
  #count = 0;
  #meanMs = 0;
  #deviationMs = 0;
  #meanAttempts = 0;

  /** The last recoveries, oldest first. */
  get kept(): readonly RecoveryTime[] {
    return this.#kept;
  }

  /** Mean attempts of a recovery; absent before the first. */
  get meanAttempts(): number | undefined {
    return this.#count === 0 ? undefined : this.#meanAttempts;
  }

  /** Too few recoveries were seen to tell. */
  get isUnknown(): boolean {
    return this.#count < MIN_RECOVERIES;
  }

  note(recovery: RecoveryTime): void {
    this.#kept.push(recovery);
    if (this.#kept.length > MAX_KEPT) this.#kept.shift();
    // Somewhere between the last failed attempt and the successful one. The middle, so that the next attempt finds out more.
    const ms = (recovery.afterMs + recovery.byMs) / 2;
    const uncertainMs = (recovery.byMs - recovery.afterMs) / 2;
    const weight = Math.max(WEIGHT, 1 / (this.#count + 1));
    this.#deviationMs +=
      weight *
      (Math.max(Math.abs(ms - this.#meanMs) * Math.sign(this.#count), uncertainMs / 2) - this.#deviationMs);
    this.#meanMs += weight * (ms - this.#meanMs);
    this.#meanAttempts += weight * (recovery.attempts - this.#meanAttempts);
    this.#count += 1;
  }

  /** When an attempt is likely to succeed that is made later than `elapsedMs` after the failure; absent when nothing is known. */
  nextMs(elapsedMs: number): number | undefined {
    if (this.isUnknown) return undefined;
    return DEVIATIONS.map((times) => this.#meanMs + times * this.#deviationMs).find((ms) => ms > elapsedMs);
  }
}
