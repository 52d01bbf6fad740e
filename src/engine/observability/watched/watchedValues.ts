import type { Disposable } from '../../../shared/base/disposable.ts';
import { isUsable } from '../../../shared/model/connectionState.ts';
import type { WatchedSnapshot } from '../../../shared/model/watched.ts';
import type { WatchedHistory } from '../../../shared/protocol/watchedMessages.ts';
import type { ServerRuntime } from '../../servers/serverRuntime.ts';
import type { Connection } from '../../upstream/connection.ts';
import type { Observation, Observer } from '../observations.ts';
import { ServerWatch, type WatchDeps } from './serverWatch.ts';

export interface WatchedValuesOptions extends WatchDeps {
  /** The servers there are. */
  readonly servers: () => readonly ServerRuntime[];
}

/** The watched values of all servers (requirements R11.7; docs/continuity.md). */
export class WatchedValues implements Observer, Disposable {
  readonly #options: WatchedValuesOptions;
  readonly #watches = new Map<ServerRuntime, ServerWatch>();

  constructor(options: WatchedValuesOptions) {
    this.#options = options;
  }

  /** A connection of a server, from its beginning on. */
  attach(server: ServerRuntime, connection: Connection, key: string): void {
    connection.onDidChange((state) => {
      const launch = isUsable(state) ? connection.usableLaunch : undefined;
      if (launch === undefined && !this.#watches.has(server)) return;
      const watch = this.#watchOf(server);
      watch.setLaunch(key, launch);
      if (!watch.hasLaunches && !watch.hasTracks) this.#watches.delete(server);
    });
  }

  onEvent({ kind }: Observation): void {
    if (kind === 'configuration') this.#configure();
    // By hand a server can be put away without a connection that would tell.
    else if (kind === 'action') for (const watch of this.#watches.values()) watch.refresh();
  }

  #configure(): void {
    const servers = new Set(this.#options.servers());
    for (const server of servers) {
      const entries = server.config?.lifeline.watch ?? [];
      if (entries.length > 0 || this.#watches.has(server)) this.#watchOf(server).configure(entries);
    }
    for (const [server, watch] of this.#watches)
      if (!servers.has(server) || !(watch.hasTracks || watch.hasLaunches)) {
        watch.dispose();
        if (!watch.hasLaunches) this.#watches.delete(server);
      }
  }

  #watchOf(server: ServerRuntime): ServerWatch {
    let watch = this.#watches.get(server);
    if (watch === undefined) {
      watch = new ServerWatch(this.#options, server);
      this.#watches.set(server, watch);
    }
    return watch;
  }

  #find(name: string): ServerWatch | undefined {
    for (const [server, watch] of this.#watches) if (server.name === name && watch.hasTracks) return watch;
    return undefined;
  }

  /** Empty where nothing is watched. */
  of(server: string): WatchedSnapshot[] {
    return this.#find(server)?.snapshot ?? [];
  }

  /** The recent samples of a server. */
  history(server: string): WatchedHistory {
    return { now: this.#options.clock.wallNow(), watches: this.#find(server)?.history ?? [] };
  }

  dispose(): void {
    for (const watch of this.#watches.values()) watch.dispose();
    this.#watches.clear();
  }
}
