/** Tools whose time without load is remembered; of one more nothing is known. */
const MAX_TOOLS = 64;
/** Of the time a tool takes without load, so much is the newest. */
const SMOOTHING = 0.2;
/** Differences below this are noise of the machine, whatever the ratio. */
const NOISE_MS = 10;
/** As many answers make a figure. */
const ENOUGH_ANSWERS = 20;
/** Only a server on which calls take this long is looked at for a knee. */
const SLOW_MS = 100;
/** A knee needs as many calls at once, all this time. */
const BUSY_CALLS = 3;
const KNEE_WINDOW_MS = 5_000;
/** Work done in a second, in seconds that it takes without load: below this many the calls would have been quicker one after another. */
const KNEE_WORK_RATIO = 0.67;

/** One answer of the server. */
export interface Answer {
  /** Tool or method: what is compared with itself. */
  readonly kind: string;
  /** Milliseconds that the server had it. */
  readonly tookMs: number;
  /** Calls at the server when it ended, itself among them. */
  readonly inFlight: number;
}

/**
 * What latency says of load: each tool against itself, because one answers in a millisecond and the next one builds a project. The time that a tool takes alone is
 * learnt from the calls that were alone, or faster than that.
 */
export class LoadWatch {
  readonly #alone = new Map<string, number>();
  #tookMs = 0;
  #aloneMs = 0;
  #answers = 0;
  #slowAt = -Infinity;
  #busySince: number | undefined;
  #busyAnswers = 0;
  #busyWorkMs = 0;

  /** How many times as long as alone the last answers took; undefined until there are enough. The time beyond which calls merely wait for each other. */
  get slowdown(): number | undefined {
    return this.#answers < ENOUGH_ANSWERS
      ? undefined
      : (this.#tookMs + NOISE_MS) / (this.#aloneMs + NOISE_MS);
  }

  /** Begins to count the slowdown anew. */
  restart(): void {
    this.#answers = 0;
    this.#tookMs = 0;
    this.#aloneMs = 0;
  }

  note({ kind, tookMs, inFlight }: Answer): void {
    const aloneMs = this.#learn(kind, tookMs, inFlight);
    if (aloneMs === undefined) return;
    this.#answers += 1;
    const part = 1 / Math.min(this.#answers, ENOUGH_ANSWERS);
    this.#tookMs += (tookMs - this.#tookMs) * part;
    this.#aloneMs += (aloneMs - this.#aloneMs) * part;
  }

  /** Where calls are fast this is all that is asked of them. */
  isWorthALook(tookMs: number): boolean {
    return tookMs >= SLOW_MS || this.#slowAt !== -Infinity;
  }

  /**
   * For a server that has no limiter yet. Answers how many calls a second it completes when it does less at once than it could one after another: then its knee is behind
   * it, whatever its tools do.
   */
  noteUnlimited({ kind, tookMs, inFlight }: Answer, at: number): number | undefined {
    if (tookMs >= SLOW_MS) this.#slowAt = at;
    const aloneMs = this.#learn(kind, tookMs, inFlight);
    if (inFlight < BUSY_CALLS || aloneMs === undefined || at - this.#slowAt > KNEE_WINDOW_MS) {
      this.#busySince = undefined;
      if (at - this.#slowAt > KNEE_WINDOW_MS) this.#slowAt = -Infinity;
      return undefined;
    }
    if (this.#busySince === undefined) {
      this.#busySince = at;
      this.#busyAnswers = 0;
      this.#busyWorkMs = 0;
      return undefined;
    }
    this.#busyAnswers += 1;
    this.#busyWorkMs += aloneMs;
    const busyMs = at - this.#busySince;
    if (busyMs < KNEE_WINDOW_MS || this.#busyAnswers < ENOUGH_ANSWERS) return undefined;
    this.#busySince = undefined;
    return this.#busyWorkMs / busyMs < KNEE_WORK_RATIO ? (this.#busyAnswers / busyMs) * 1_000 : undefined;
  }

  /** The time that this kind takes alone. */
  #learn(kind: string, tookMs: number, inFlight: number): number | undefined {
    const known = this.#alone.get(kind);
    if (known === undefined && this.#alone.size >= MAX_TOOLS) return undefined;
    if (known !== undefined && inFlight > 1 && tookMs >= known) return known;
    const learnt = known === undefined ? tookMs : known + (tookMs - known) * SMOOTHING;
    this.#alone.set(kind, learnt);
    return learnt;
  }
}
