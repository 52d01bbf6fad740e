import { isUsable, type ConnectionState } from '../../../shared/model/connectionState.ts';
import { Durations } from './durations.ts';
import { Uptime, type Availability } from './uptime.ts';

/** Something is wrong, and somebody or something works on it. */
const down: ReadonlySet<ConnectionState> = new Set(['broken', 'recovering', 'crashLoop', 'needsSignIn']);
const starting: ReadonlySet<ConnectionState> = new Set(['connecting', 'initializing', 'probing']);

/**
 * What became of a server's connections, taken together (requirements R11.1). An outage begins when its last usable connection is lost, or its first start fails, and ends when
 * one is usable. A fresh start that was asked for (Force Recovery, changed settings, another network) is an outage too: its clients
 * wait as long. What a server did not fail at ends without an outage: its clients left, it was disabled, or isolated by hand.
 */
export class Outages {
  readonly uptime: Uptime;
  /** Of the outages that ended with a usable connection; only time in which somebody wanted the server (`Uptime`). */
  readonly recovered = new Durations();
  readonly #now: () => number;
  readonly #states = new Map<string, ConnectionState>();
  #outages = 0;
  #abandoned = 0;
  #attempts = 0;
  #restarts = 0;
  #failedConnections = 0;
  /** The one under way: when it began (monotonic milliseconds), and how long the server had been down before. */
  #current: { readonly since: number; readonly downMs: number } | undefined;
  /** Connections that were lost, or could not be made, and are not back: how many launches of each have failed since. */
  readonly #lost = new Map<string, number>();

  /** `now`: monotonic milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
    this.uptime = new Uptime(now);
  }

  /** `count = recovered.count + abandoned`, and one more while one is under way. */
  get count(): number {
    return this.#outages;
  }

  /** Outages that ended without a usable connection, because nobody was left who wanted it. */
  get abandoned(): number {
    return this.#abandoned;
  }

  /** Launches that were begun during outages, by themselves or by a person. */
  get attempts(): number {
    return this.#attempts;
  }

  /** Launches of a connection after its first. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Times that a connection failed: it was lost, or could not be made, and nobody had asked for that. */
  get failedConnections(): number {
    return this.#failedConnections;
  }

  /** When the outage under way began, monotonic milliseconds. */
  get since(): number | undefined {
    return this.#current?.since;
  }

  /**
   * Of the connection that is worst off among those that were lost and are not back: how many launches have failed since, a failed first start
   * among them. `undefined`: there is none. Others may be usable meanwhile: this is no outage, but a client of it has to wait.
   */
  get failures(): number | undefined {
    return this.#lost.size === 0 ? undefined : Math.max(...this.#lost.values());
  }

  /** A process is started, or a session with a remote server opened; `isFirst` of its connection. */
  noteLaunch(isFirst: boolean): void {
    if (!isFirst) this.#restarts += 1;
    if (this.#current !== undefined) this.#attempts += 1;
  }

  /** A connection of the server is now in `state`; `failed`: something went wrong that brought it there. */
  noteState(connection: string, state: ConnectionState, failed: boolean): void {
    this.#noteLoss(connection, state, failed);
    if (state === 'stopped') this.#states.delete(connection);
    else this.#states.set(connection, state);
    if (failed) this.#failedConnections += 1;
    const availability = this.#availability;
    this.uptime.note(availability);
    if (availability === 'down' && this.#current === undefined) {
      this.#outages += 1;
      this.#current = { since: this.#now(), downMs: this.uptime.reading.downMs };
    } else if (availability === 'usable') this.#end(true);
    // What nobody waits for now goes on as an outage until somebody does; without anybody left it is over.
    else if (availability === 'unused' && !this.#has((other) => other !== 'isolated')) this.#end(false);
  }

  #noteLoss(connection: string, state: ConnectionState, failed: boolean): void {
    if (state === 'broken' && failed) {
      const wasStarting = starting.has(this.#states.get(connection) ?? 'idle');
      this.#lost.set(connection, (this.#lost.get(connection) ?? 0) + (wasStarting ? 1 : 0));
      // What is used, waits for a person, or is wanted by nobody, is not being brought back.
    } else if (!starting.has(state) && (state === 'needsSignIn' || !down.has(state)))
      this.#lost.delete(connection);
  }

  #end(recovered: boolean): void {
    if (this.#current === undefined) return;
    if (recovered) this.recovered.note(this.uptime.reading.downMs - this.#current.downMs);
    else this.#abandoned += 1;
    this.#current = undefined;
  }

  get #availability(): Availability {
    if (this.#has(isUsable)) return 'usable';
    if (this.#has((state) => down.has(state))) return 'down';
    return this.#current !== undefined && this.#has((state) => starting.has(state)) ? 'down' : 'unused';
  }

  #has(wanted: (state: ConnectionState) => boolean): boolean {
    for (const state of this.#states.values()) if (wanted(state)) return true;
    return false;
  }
}
