import type { Clock } from '../../../shared/base/clock.ts';
import type { Disposable } from '../../../shared/base/disposable.ts';
import type { Random } from '../../../shared/base/random.ts';
import type { Fault, FaultCode } from '../../../shared/model/fault.ts';
import { EndpointSelector } from '../../policies/failover/endpointSelector.ts';

/** A connection that can go to another endpoint. */
export interface Movable {
  /**
   * Is made anew, at the endpoint that is to be used now. False when something is under way; unless `evenWhileBusy`, and then calls under
   * way stay where they are until they are answered.
   */
  moveOver(evenWhileBusy: boolean): boolean;
}

/** The endpoints of a server, as one connection sees them. It has no endpoint where there is no address, or no launch yet. */
export interface Endpoints {
  /** The connection to `endpoint` failed or was lost. Answers whether it can be made anew at once, at another one. */
  readonly lost: (endpoint: string | undefined, fault: Fault) => boolean;
  /** Whether another one than `endpoint` could be used. */
  readonly hasOther: (endpoint: string | undefined) => boolean;
}

export interface FailoverOptions {
  /** The preferred one first. */
  readonly urls: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  readonly probeIntervalMs: () => number;
  /** Asks whether somebody answers there, without a trace. Never rejects. */
  readonly probe: (url: string) => Promise<boolean>;
  /** Another endpoint is to be used from now on. */
  readonly onChange: (url: string) => void;
}

/** Two servers that are restarted together do not ask at the same time. */
const PROBE_JITTER = 0.1;
/** A connection that is to go back looks this often for a moment without calls. */
const QUIET_CHECK_MS = 250;
/** After this long without one it goes back all the same, and the calls under way end where they are. */
const QUIET_PATIENCE_MS = 30_000;

/** These come from an endpoint that is there; another one would say the same, or lose the session as well. */
const answers: ReadonlySet<FaultCode> = new Set([
  'authRequired',
  'forbidden',
  'sessionLost',
  'sessionNotReady',
  'stopped',
  'cancelled',
]);

/**
 * The endpoints of one server (requirements R4.4): notes what its connections find out, says where the next one goes, and brings them
 * back to the preferred endpoint when that has been well again for some time. It asks only while a connection is elsewhere.
 */
export class Failover implements Disposable {
  readonly urls: readonly string[];
  readonly #options: FailoverOptions;
  readonly #selector: EndpointSelector;
  /** Connections that are ready at another endpoint than the preferred one. */
  readonly #away = new Set<Movable>();
  /** Endpoints tried one after the other since the connection was ready last, or had to wait. */
  readonly #hops = new WeakMap<Movable, number>();
  #timer: Disposable | undefined;
  #returningSince: number | undefined;
  #disposed = false;

  constructor(options: FailoverOptions) {
    this.urls = options.urls;
    this.#options = options;
    this.#selector = new EndpointSelector(options.urls, () => options.clock.now());
  }

  /** Where a connection that is made now goes to. */
  get current(): string {
    return this.#selector.current;
  }

  /** Whether there is one beside `url` that did not fail lately. */
  hasOther(url: string): boolean {
    return this.#selector.hasOther(url);
  }

  ready(connection: Movable, url: string): void {
    this.#selector.noteReady(url);
    this.#hops.delete(connection);
    if (url === this.#selector.preferred) this.#away.delete(connection);
    else this.#away.add(connection);
    this.#watch();
  }

  /** The connection is not ready any more, for whatever reason. */
  left(connection: Movable): void {
    this.#away.delete(connection);
  }

  /**
   * A connection to `url` could not be made, or was lost. Answers whether it can be made anew at once, at another endpoint: when each has been tried
   * there is something to wait for.
   */
  lost(connection: Movable, url: string, fault: Fault): boolean {
    this.left(connection);
    if (answers.has(fault.code)) return false;
    const before = this.current;
    this.#selector.noteFailure(url);
    if (this.current !== before) this.#options.onChange(this.current);
    const hops = (this.#hops.get(connection) ?? 0) + 1;
    const goesOn = hops < this.urls.length && this.current !== url && this.#selector.hasOther(url);
    if (goesOn) this.#hops.set(connection, hops);
    else this.#hops.delete(connection);
    return goesOn;
  }

  dispose(): void {
    this.#disposed = true;
    this.#timer?.dispose();
    this.#away.clear();
  }

  #watch(): void {
    if (this.#timer !== undefined || this.#away.size === 0 || this.#disposed) return;
    const { clock, random, probeIntervalMs } = this.#options;
    const jitter = 1 + PROBE_JITTER * (2 * random() - 1);
    this.#timer = clock.setTimer(probeIntervalMs() * jitter, () => void this.#ask(), { unref: true });
  }

  async #ask(): Promise<void> {
    // Nobody is elsewhere: what is found out now would be old when somebody is.
    if (this.#away.size === 0) {
      this.#timer = undefined;
      return;
    }
    const before = this.current;
    const isThere = await this.#options.probe(this.#selector.preferred);
    this.#timer = undefined;
    if (this.#disposed) return;
    if (!this.#selector.noteProbe(isThere)) {
      this.#watch();
      return;
    }
    if (this.current !== before) this.#options.onChange(this.current);
    this.#returningSince = this.#options.clock.now();
    this.#bringBack();
  }

  #bringBack(): void {
    const { clock } = this.#options;
    this.#timer = undefined;
    const sinceMs = clock.now() - (this.#returningSince ?? 0);
    // It may have failed again meanwhile.
    if (this.#selector.current === this.#selector.preferred) {
      for (const connection of [...this.#away]) {
        if (connection.moveOver(sinceMs >= QUIET_PATIENCE_MS)) this.#away.delete(connection);
      }
      if (this.#away.size === 0 || this.#disposed) return;
      this.#timer = clock.setTimer(QUIET_CHECK_MS, () => this.#bringBack(), { unref: true });
      return;
    }
    this.#watch();
  }
}
