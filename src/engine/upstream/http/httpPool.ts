import type { Client, Dispatcher } from 'undici';
import type { Clock } from '../../../shared/base/clock.ts';
import type { Disposable } from '../../../shared/base/disposable.ts';

export interface HttpPoolOptions {
  /** Scheme, host and port. */
  readonly origin: string;
  readonly clock: Clock;
  /** Asked at each use, so that changed settings count from the next one on. */
  readonly settings: () => {
    readonly connectTimeoutMs: number;
    readonly maxIdle: number;
    readonly idleExpiryMs: number;
  };
  readonly createClient: ClientFactory;
}

/** Makes a client of one connection. */
export type ClientFactory = (origin: string, connectTimeoutMs: number, idleExpiryMs: number) => Client;

export interface Lease {
  readonly dispatcher: Dispatcher;
  /** Gives the connection back. `reusable`: its exchange came to its regular end. */
  release(reusable: boolean): void;
}

/** A connection, for as long as it lives. */
interface Kept {
  readonly client: Client;
  isIdle: boolean;
  /** Clock time of the last moment at which it was given back. */
  since: number;
  /** The same by the wall clock, which goes on while the machine sleeps. */
  wallSince: number;
}

/**
 * A socket that was idle longer may just be closing at the other end. A call that nobody may repeat does not go there: it would end
 * with an unknown outcome (reference: keep-alive races).
 */
const FRESH_ENOUGH_MS = 1_000;
/** Connections beyond the limit are closed when they were of no use for so long: many calls that end together are often followed by as many. */
const TRIM_AFTER_MS = 1_000;
/** What is idle for longer than its expiry would have been closed, had the machine been awake. */
const SLEEP_MARGIN_MS = 2_000;
/** What a server's own keep-alive hint is shortened by, for the way there. */
const HINT_MARGIN_MS = 2_000;

/**
 * The kept-alive connections to one server, newest first. One exchange at a time on each: the failure of one never touches
 * another. The library closes idle connections by their expiry, or the server's own hint.
 */
export class HttpPool {
  readonly #options: HttpPoolOptions;
  #idle: Kept[] = [];
  #trim: Disposable | undefined;
  #closed = false;

  constructor(options: HttpPoolOptions) {
    this.#options = options;
  }

  get idle(): number {
    return this.#idle.length;
  }

  take(atMostOnce: boolean): Lease {
    this.#dropAfterSleep();
    const newest = this.#idle.at(-1);
    const isFresh =
      newest !== undefined && (!atMostOnce || this.#options.clock.now() - newest.since <= FRESH_ENOUGH_MS);
    if (isFresh) {
      this.#idle.pop();
      newest.isIdle = false;
      return this.#lease(newest);
    }
    return this.#lease(this.#create());
  }

  /** The machine has slept since the newest connection was used (its monotonic clock may have stood still): the other ends are long gone. */
  #dropAfterSleep(): void {
    const newest = this.#idle.at(-1);
    if (newest === undefined) return;
    const { clock, settings } = this.#options;
    if (clock.wallNow() - newest.wallSince > settings().idleExpiryMs + SLEEP_MARGIN_MS) this.dropIdle();
  }

  #create(): Kept {
    const { origin, settings, createClient } = this.#options;
    const { connectTimeoutMs, idleExpiryMs } = settings();
    const client = createClient(origin, connectTimeoutMs, idleExpiryMs);
    const kept: Kept = { client, isIdle: false, since: 0, wallSince: 0 };
    // Once for its life: a listener for each call costs more than the call's other book-keeping.
    client.on('disconnect', () => {
      if (!kept.isIdle) return; // whoever uses it is told
      this.#idle = this.#idle.filter((other) => other !== kept);
      void client.destroy(null);
    });
    return kept;
  }

  #lease(kept: Kept): Lease {
    const { client } = kept;
    let released = false;
    return {
      dispatcher: client,
      release: (reusable) => {
        if (released) return;
        released = true;
        const { maxIdle, idleExpiryMs } = this.#options.settings();
        if (!reusable || this.#closed || client.destroyed || maxIdle === 0 || idleExpiryMs === 0)
          void client.destroy(null);
        else this.#keep(kept, maxIdle);
      },
    };
  }

  #keep(kept: Kept, maxIdle: number): void {
    const { clock } = this.#options;
    kept.isIdle = true;
    kept.since = clock.now();
    kept.wallSince = clock.wallNow();
    this.#idle.push(kept);
    if (this.#idle.length > maxIdle) this.#trim ??= this.#trimLater(TRIM_AFTER_MS);
  }

  /** The newest is taken first, so the oldest are those that the load of the last second did not need. */
  #trimLater(delayMs: number): Disposable {
    const { clock, settings } = this.#options;
    return clock.setTimer(
      delayMs,
      () => {
        this.#trim = undefined;
        const { maxIdle } = settings();
        for (;;) {
          const [oldest] = this.#idle;
          if (oldest === undefined || this.#idle.length <= maxIdle) return;
          const idleMs = clock.now() - oldest.since;
          if (idleMs < TRIM_AFTER_MS) {
            this.#trim = this.#trimLater(TRIM_AFTER_MS - idleMs);
            return;
          }
          this.#idle.shift();
          void oldest.client.destroy(null);
        }
      },
      { unref: true },
    );
  }

  /** Closes what is idle now; new connections are kept as before. */
  dropIdle(): void {
    for (const { client } of this.#idle) void client.destroy(null);
    this.#idle = [];
  }

  /** Closes what is idle; what is under way is closed when it is given back. */
  close(): void {
    this.#closed = true;
    this.#trim?.dispose();
    this.dropIdle();
  }
}

/** Makes the clients' factory; the library is loaded when the first HTTP server is used. */
export async function loadClientFactory(): Promise<ClientFactory> {
  const undici = await import('undici');
  return (origin, connectTimeoutMs, idleExpiryMs) =>
    new undici.Client(origin, {
      connect: { timeout: connectTimeoutMs },
      keepAliveTimeout: Math.max(1, idleExpiryMs),
      keepAliveTimeoutThreshold: HINT_MARGIN_MS,
      // Ours, on our clock: a tool may take long before it begins to answer (requirements R2, readTimeout).
      headersTimeout: 0,
      bodyTimeout: 0,
      pipelining: 1,
      allowH2: false,
    });
}
