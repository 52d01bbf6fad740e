/** An endpoint that failed is passed over this long, while there is another one. */
const PASS_OVER_MS = 30_000;
/** The preferred endpoint must have answered so many probes in a row before the server goes back to it. */
const PROBES_TO_RETURN = 2;

interface Health {
  /** Monotonic milliseconds; absent when it did not fail lately. */
  failedAt: number | undefined;
  goodProbes: number;
}

/**
 * Which of a server's endpoints is used (requirements R4.4). By health: one that failed is passed over for a while. Sticky: the one in
 * use stays in use as long as it is well, because to move costs the sessions. With return to the preferred one, the first of the list,
 * when it has been well again for some time. When all have failed lately, it is the turn of the one whose failure is longest ago.
 */
export class EndpointSelector {
  readonly #urls: readonly string[];
  readonly #now: () => number;
  readonly #health: Health[];
  #current = 0;

  /** `urls`: at least one, the preferred one first. `now`: monotonic milliseconds. */
  constructor(urls: readonly string[], now: () => number) {
    this.#urls = urls;
    this.#now = now;
    this.#health = urls.map(() => ({ failedAt: undefined, goodProbes: 0 }));
  }

  get preferred(): string {
    return this.#urls[0] ?? '';
  }

  /** The one that a connection which is made now goes to. Changes only by what is noted. */
  get current(): string {
    return this.#urls[this.#current] ?? '';
  }

  /** Whether there is one beside `url` that did not fail lately. */
  hasOther(url: string): boolean {
    return this.#urls.some((other, index) => other !== url && !this.#hasFailed(index));
  }

  /** `url` could not be connected to, or was lost. What is in use may be another one now. */
  noteFailure(url: string): void {
    const index = this.#urls.indexOf(url);
    const health = this.#health[index];
    if (health === undefined) return; // of a list that is not in the settings any more
    health.failedAt = this.#now();
    health.goodProbes = 0;
    if (index === this.#current) this.#current = this.#best();
  }

  /** A connection to `url` is ready. */
  noteReady(url: string): void {
    const health = this.#health[this.#urls.indexOf(url)];
    if (health !== undefined) health.failedAt = undefined;
  }

  /**
   * The preferred endpoint was asked while another one was in use. Answers whether the server should go back to it: new connections do from
   * then on.
   */
  noteProbe(isThere: boolean): boolean {
    const [health] = this.#health;
    if (health === undefined) return false;
    health.goodProbes = isThere ? health.goodProbes + 1 : 0;
    if (health.goodProbes < PROBES_TO_RETURN) return false;
    health.failedAt = undefined;
    health.goodProbes = 0;
    this.#current = 0;
    return true;
  }

  #hasFailed(index: number): boolean {
    const failedAt = this.#health[index]?.failedAt;
    return failedAt !== undefined && this.#now() - failedAt < PASS_OVER_MS;
  }

  #best(): number {
    const indexes = this.#urls.map((_, index) => index);
    const well = indexes.find((index) => !this.#hasFailed(index));
    if (well !== undefined) return well;
    const failedAt = (index: number): number => this.#health[index]?.failedAt ?? -Infinity;
    return indexes.reduce((oldest, index) => (failedAt(index) < failedAt(oldest) ? index : oldest), 0);
  }
}
