/** What the end of a call says about the server's load. */
export type LoadSignal =
  | 'answered'
  /** It refused for its load. */
  | 'overload'
  /** It did not answer in time: a sign of overload when other calls were there too. */
  | 'late'
  /** It, or the connection to it, was lost. */
  | 'lost'
  | 'nothing';

export interface CallEnd {
  /** `era` when the call was let in. */
  readonly era: number;
  /** Calls at the server when it ended, itself among them. */
  readonly inFlight: number;
  /** Monotonic milliseconds; asked for only when it matters. */
  readonly now: () => number;
}

/** What is left of the limit after a sign of overload. */
const DECREASE_RATIO = 0.7;
/** Next to where the server was overloaded last, the limit grows this many times more slowly. */
const CAUTION = 40;
/** Where it was overloaded is forgotten after this long without another sign. */
const FORGET_MS = 30_000;
/** Two losses within this time while it was busy are a sign of overload; one is an accident. */
const LOSS_WINDOW_MS = 60_000;

/**
 * How many calls a server may have at once: from 1 to the maximum, by additive increase and multiplicative decrease (AIMD; Chiu and
 * Jain 1989, Netflix concurrency-limits). It begins at the maximum, and latency is no sign: a slow tool is no overload. Calls that
 * were under way together are one sign, not many. Close to the number at which the server failed last the limit grows slowly, so
 * that looking for the edge costs few calls; that number is forgotten with time, so that it finds back to the maximum.
 */
export class AdaptiveLimit {
  #max: number;
  #limit: number;
  /** Calls at the server when it was overloaded last. */
  #edge = Infinity;
  #era = 0;
  #overloadedAt = -Infinity;
  #lostAt = -Infinity;

  constructor(max: number) {
    this.#max = max;
    this.#limit = max;
  }

  get max(): number {
    return this.#max;
  }

  /** A whole number from 1 to `max`. */
  get value(): number {
    return Math.floor(this.#limit);
  }

  /** Changes with each sign of overload, and with each loss: who was let in before tells nothing new. */
  get era(): number {
    return this.#era;
  }

  /** A limit that load has lowered stays as it is, within the new maximum. */
  setMax(max: number): void {
    this.#limit = this.#limit >= this.#max ? max : Math.min(this.#limit, max);
    this.#max = max;
  }

  note(signal: LoadSignal, end: CallEnd): void {
    switch (signal) {
      case 'answered':
        if (this.#limit < this.#max) this.#grow(end.now());
        return;
      case 'overload':
        if (end.era === this.#era) this.#shrink(end.inFlight, end.now());
        return;
      case 'late':
        if (end.era === this.#era && end.inFlight > 1) this.#shrink(end.inFlight, end.now());
        return;
      case 'lost':
        if (end.era === this.#era) this.#lose(end.inFlight, end.now());
        return;
      case 'nothing':
        return;
    }
  }

  #grow(now: number): void {
    const isRemembered = now - this.#overloadedAt < FORGET_MS;
    const isClose = isRemembered && this.value >= this.#edge - 1;
    const grown = this.#limit + 1 / (isClose ? this.#limit * CAUTION : this.#limit);
    this.#limit = Math.min(this.#max, grown);
  }

  #shrink(inFlight: number, now: number): void {
    // Fewer may have been there than were allowed; but a lone call proves little.
    const base = Math.min(this.#limit, Math.max(inFlight, this.#limit / 2));
    this.#edge = inFlight > 1 ? inFlight : Infinity;
    this.#limit = Math.max(1, base * DECREASE_RATIO);
    this.#overloadedAt = now;
    this.#era += 1;
  }

  #lose(inFlight: number, now: number): void {
    const isAgain = inFlight > 1 && now - this.#lostAt < LOSS_WINDOW_MS;
    this.#lostAt = now;
    if (isAgain) this.#shrink(inFlight, now);
    else this.#era += 1;
  }
}
