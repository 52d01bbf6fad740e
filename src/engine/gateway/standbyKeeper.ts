import type { Disposable } from '../../shared/base/disposable.ts';
import type { ServerRegistry } from '../servers/serverRegistry.ts';
import type { ServerRuntime } from '../servers/serverRuntime.ts';
import type { SessionDeps } from './session.ts';
import { isOut } from './sessionConnection.ts';
import { Standby } from './standby.ts';

/** Servers that are started only to learn their tools, at the same time. */
const MAX_LEARNING = 2;
const tiers = ['critical', 'high', 'medium'];

/**
 * Starts servers that nobody uses yet, where there is no editor to do it: each without a catalogue once, so that its tools are known, and
 * those that are to be kept warm (requirements R5.0). As soon as a client is there it leaves the server to that client.
 */
export class StandbyKeeper implements Disposable {
  readonly #deps: SessionDeps;
  readonly #registry: ServerRegistry;
  readonly #ownInitialize: string;
  readonly #subscription: Disposable;
  /** By server, the configuration that was started once already. */
  readonly #tried = new Map<string, string>();
  #isLooking = false;
  #disposed = false;

  constructor(deps: SessionDeps, registry: ServerRegistry, version: string) {
    this.#deps = deps;
    this.#registry = registry;
    this.#ownInitialize = JSON.stringify({
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'mcp-lifeline', title: 'MCP Lifeline', version },
    });
    this.#subscription = registry.onDidChange(() => this.#lookLater());
    this.#lookLater();
  }

  /** Changes come in crowds; they are looked at together, when everybody has heard of them. */
  #lookLater(): void {
    if (this.#isLooking || this.#disposed) return;
    this.#isLooking = true;
    setImmediate(() => {
      this.#isLooking = false;
      if (!this.#disposed) this.#look();
    });
  }

  #look(): void {
    const order = (server: ServerRuntime): number => tiers.indexOf(server.config?.lifeline.tier ?? 'medium');
    const servers = this.#registry.servers.toSorted((a, b) => order(a) - order(b));
    for (const server of servers) this.#endWhatIsDone(server);
    let learning = servers.filter((server) => server.standby !== undefined && !isWarm(server)).length;
    for (const server of servers) {
      if (server.config?.lifeline.enabled !== true || server.isIsolated || server.sessions.size > 0) continue;
      if (isWarm(server)) this.#start(server);
      else if (learning < MAX_LEARNING && this.#isToBeLearnt(server)) {
        learning += 1;
        this.#start(server);
      }
    }
  }

  #endWhatIsDone(server: ServerRuntime): void {
    const { standby } = server;
    if (standby === undefined || isWarm(server)) return;
    // What does not come up at once is not forced: the client that needs it will hear why.
    if (standby.hasLists || isOut(standby.connection?.state)) void standby.end();
  }

  #isToBeLearnt(server: ServerRuntime): boolean {
    return !server.hasCatalogue && this.#tried.get(server.name) !== server.configurationDigest;
  }

  #start(server: ServerRuntime): void {
    this.#tried.set(server.name, server.configurationDigest);
    const initialize = server.lastInitialize ?? this.#ownInitialize;
    // It enters itself in its server, and is ended from there.
    new Standby(this.#deps, server, initialize, () => this.#lookLater()).connection?.open();
  }

  /** Ends what nobody uses yet. */
  async close(): Promise<void> {
    this.dispose();
    const standbys = this.#registry.servers.flatMap(({ standby }) => standby ?? []);
    await Promise.all(standbys.map((standby) => standby.end()));
  }

  dispose(): void {
    this.#disposed = true;
    this.#subscription.dispose();
  }
}

function isWarm(server: ServerRuntime): boolean {
  const lifeline = server.config?.lifeline;
  return lifeline?.enabled === true && lifeline.keepWarm;
}
