/** Full of these at first (gRPC A6, `maxTokens`). A failure takes one; retries stop when no more than half is left. */
const MAX_TOKENS = 10;
/** What an answer gives back (gRPC A6, `tokenRatio`). */
const TOKEN_RATIO = 0.1;
/**
 * So many retries may be under way at a time, or `RETRY_RATIO` of the calls, whichever is more (Envoy, retry budget). Envoy begins at 3; a server has
 * `maxConnections` places, 10, and a retry that waits for its `Retry-After` holds one of these: with 3, one refusal in twenty under a dozen callers was
 * passed on to some of them.
 */
const MIN_RETRIES = 10;
const RETRY_RATIO = 0.2;

/** A retry that was allowed. */
export interface RetryPlace {
  /** It is over, whatever came of it. Once. */
  release(): void;
}

/**
 * How many retries one server bears (requirements R2.7): while it fails altogether, hardly any. Shared by all its sessions. What befalls
 * many calls at once is one failure: those that were under way when the last failure was counted belong to it (R2.5: a
 * process that is killed under a hundred calls has failed once).
 */
export class RetryBudget {
  #tokens = MAX_TOKENS;
  #known = 0;
  #calls = 0;
  #retries = 0;

  get tokens(): number {
    return this.#tokens;
  }

  /** Failures counted so far; an attempt that begins now knows of these. */
  get known(): number {
    return this.#known;
  }

  /** A call begins, or ends. */
  enter(): void {
    this.#calls += 1;
  }

  leave(): void {
    this.#calls -= 1;
  }

  noteSuccess(): void {
    this.#tokens = Math.min(MAX_TOKENS, this.#tokens + TOKEN_RATIO);
  }

  /** An attempt failed in a way that would be worth another; `known` is what it knew of when it began. */
  noteFailure(known: number): void {
    if (known !== this.#known) return;
    this.#known += 1;
    this.#tokens = Math.max(0, this.#tokens - 1);
  }

  /**
   * Asks for one retry. `isWayLost`: the process or connection was lost, so that all its calls go again when there is another one, and takes
   * no place; otherwise the server is there and refuses, and retries only add to its load.
   */
  take(isWayLost: boolean): RetryPlace | undefined {
    if (this.#tokens <= MAX_TOKENS / 2) return undefined;
    if (isWayLost) return { release: () => undefined };
    if (this.#retries >= Math.max(MIN_RETRIES, this.#calls * RETRY_RATIO)) return undefined;
    this.#retries += 1;
    let isHeld = true;
    return {
      release: () => {
        if (isHeld) this.#retries -= 1;
        isHeld = false;
      },
    };
  }

  /** A person asked for a fresh start: full again. */
  reset(): void {
    this.#tokens = MAX_TOKENS;
  }
}
