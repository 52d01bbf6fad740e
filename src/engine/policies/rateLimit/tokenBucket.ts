/** What may be taken at once after a pause, in seconds of the rate; and never less than `MIN_BURST`. */
const BURST_S = 0.05;
const MIN_BURST = 2;

/**
 * A token bucket: one token for each request, filled at the rate (requests/s). After a pause as many as `depth` are there at once, never more.
 * Times are monotonic milliseconds. What was forced may leave it below zero; that is paid back first.
 */
export class TokenBucket {
  #rate: number;
  #tokens: number;
  /** Filled up to then; in the future while it is held. */
  #at: number;

  constructor(rate: number, now: number) {
    this.#rate = rate;
    this.#at = now;
    this.#tokens = this.depth;
  }

  get rate(): number {
    return this.#rate;
  }

  get depth(): number {
    return Math.max(MIN_BURST, this.#rate * BURST_S);
  }

  setRate(rate: number, now: number): void {
    this.#fill(now);
    this.#rate = rate;
    this.#tokens = Math.min(this.#tokens, this.depth);
  }

  /** Takes a token if there is one, and `reserve` more that stay. */
  take(now: number, reserve = 0): boolean {
    if (this.msUntil(now, reserve) > 0) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Takes a token whether there is one or not; no more than `depth` are owed. */
  force(now: number): void {
    this.#fill(now);
    this.#tokens = Math.max(-this.depth, this.#tokens - 1);
  }

  /** A token that was not needed. */
  giveBack(now: number): void {
    this.#fill(now);
    this.#tokens = Math.min(this.depth, this.#tokens + 1);
  }

  /** Milliseconds until `take` succeeds, if nobody else takes one. */
  msUntil(now: number, reserve = 0): number {
    this.#fill(now);
    const heldMs = Math.max(0, this.#at - now);
    const missing = 1 + Math.min(reserve, this.depth - 1) - this.#tokens;
    // What is smaller is an error of rounding, and would be waited for in vain.
    return heldMs + (missing <= 1e-9 ? 0 : (missing / this.#rate) * 1_000);
  }

  /** Nothing until then; then one at once, and the others at the rate. */
  hold(until: number, now: number): void {
    this.#fill(now);
    if (until <= this.#at) return;
    this.#at = until;
    this.#tokens = Math.min(this.#tokens, 1);
  }

  /** Monotonic milliseconds when a hold ends; in the past without one. */
  get heldUntil(): number {
    return this.#at;
  }

  #fill(now: number): void {
    if (now <= this.#at) return;
    this.#tokens = Math.min(this.depth, this.#tokens + ((now - this.#at) / 1_000) * this.#rate);
    this.#at = now;
  }
}
