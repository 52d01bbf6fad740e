/**
 * When a closed breaker opens: after `failureThreshold` failures in a row, or when at least half of the last ten
 * outcomes (of at least five) were failures (requirements R2).
 */
export class TripRule {
  static readonly windowSize = 10;
  static readonly minimumOutcomes = 5;
  static readonly failureRatio = 0.5;

  /** May be changed at any time; counts from the next failure on. */
  failureThreshold: number;
  /** Oldest first; true is a failure. */
  #outcomes: boolean[] = [];
  #consecutive = 0;

  constructor(failureThreshold: number) {
    this.failureThreshold = failureThreshold;
  }

  get consecutiveFailures(): number {
    return this.#consecutive;
  }

  success(): void {
    this.#push(false);
    this.#consecutive = 0;
  }

  /** Answers whether the breaker must open now. */
  failure(): boolean {
    this.#push(true);
    this.#consecutive += 1;
    if (this.#consecutive >= this.failureThreshold) return true;
    const failures = this.#outcomes.filter(Boolean).length;
    const enough = this.#outcomes.length >= TripRule.minimumOutcomes;
    return enough && failures >= this.#outcomes.length * TripRule.failureRatio;
  }

  reset(): void {
    this.#outcomes = [];
    this.#consecutive = 0;
  }

  #push(failed: boolean): void {
    this.#outcomes.push(failed);
    if (this.#outcomes.length > TripRule.windowSize) this.#outcomes.shift();
  }
}
