import type { Clock } from '../../shared/base/clock.ts';
import type { Disposable } from '../../shared/base/disposable.ts';
import { Emitter } from '../../shared/base/emitter.ts';
import type { ServerSnapshot, Snapshot } from '../../shared/model/snapshot.ts';
import type { ServerRegistry } from '../servers/serverRegistry.ts';

/** At most one snapshot in this time; death shows at once, a flood of calls costs one message each 50 ms. */
const INTERVAL_MS = 50;

/**
 * How old the numbers of a snapshot may be that move with every call: nothing is told of when a call comes, waits or ends, because that would be work on
 * its way. They are looked at in this time, and told if they moved.
 */
const LOOK_MS = 1_000;

/** The alerts that fire, told of these servers. */
type AlertsOf = (servers: Snapshot['servers'], engine: Snapshot['engine']) => NonNullable<Snapshot['alerts']>;

/** The only producer of snapshots: full ones, told when something changed. */
export class SnapshotProducer implements Disposable {
  readonly #clock: Clock;
  readonly #registry: ServerRegistry;
  readonly #engine: () => Snapshot['engine'];
  readonly #observed: (server: string) => Partial<ServerSnapshot>;
  readonly #alerts: AlertsOf;
  readonly #produced: Emitter<Snapshot>;
  readonly #subscription: Disposable;
  #timer: Disposable | undefined;
  #looking: Disposable;
  #lastAt = -Infinity;
  /** What the numbers were when they were told. */
  #told: readonly number[] = [];

  constructor(options: {
    readonly clock: Clock;
    readonly registry: ServerRegistry;
    readonly engine: () => Snapshot['engine'];
    /** What observers know of a server besides. */
    readonly observed?: (server: string) => Partial<ServerSnapshot>;
    readonly alerts?: AlertsOf;
    readonly onListenerError: (error: unknown) => void;
  }) {
    const { clock, registry, engine, observed, alerts, onListenerError } = options;
    this.#observed = observed ?? (() => ({}));
    this.#clock = clock;
    this.#registry = registry;
    this.#engine = engine;
    this.#alerts = alerts ?? (() => []);
    this.#produced = new Emitter(onListenerError);
    this.#subscription = registry.onDidChange(() => this.#schedule());
    this.#looking = this.#lookLater();
  }

  get onDidProduce(): Emitter<Snapshot>['event'] {
    return this.#produced.event;
  }

  get now(): Snapshot {
    const engine = this.#engine();
    const servers = this.#registry.servers.map((server) => ({
      ...server.snapshot,
      ...this.#observed(server.name),
    }));
    const problems = [...this.#registry.problems];
    return { version: 1, engine, servers, problems, alerts: this.#alerts(servers, engine) };
  }

  /** Something that is not a server's has changed. */
  touch(): void {
    this.#schedule();
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#produced.listenerCount === 0) return;
    const waitMs = Math.max(0, this.#lastAt + INTERVAL_MS - this.#clock.now());
    this.#timer = this.#clock.setTimer(waitMs, () => {
      this.#timer = undefined;
      this.#lastAt = this.#clock.now();
      this.#told = this.#moving();
      this.#produced.fire(this.now);
    });
  }

  #lookLater(): Disposable {
    return this.#clock.setTimer(
      LOOK_MS,
      () => {
        this.#looking = this.#lookLater();
        if (this.#produced.listenerCount === 0) return;
        const numbers = this.#moving();
        const isSame =
          numbers.length === this.#told.length &&
          numbers.every((number, index) => number === this.#told[index]);
        if (!isSame) this.#schedule();
      },
      { unref: true },
    );
  }

  /** Calls that came, run, and wait, of each server. */
  #moving(): number[] {
    return this.#registry.servers.flatMap(({ counters, places, limiter }) => [
      counters.total,
      counters.open,
      places.limit,
      places.occupied,
      places.queued,
      limiter.queued,
    ]);
  }

  dispose(): void {
    this.#timer?.dispose();
    this.#looking.dispose();
    this.#subscription.dispose();
  }
}
