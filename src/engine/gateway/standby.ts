import { isDeepStrictEqual } from 'node:util';
import { scanFrame } from '../../shared/protocol/frameScanner.ts';
import { catalogueKey } from '../catalogue/catalogue.ts';
import type { HandedOver, ServerRuntime, StandbySession } from '../servers/serverRuntime.ts';
import type { Connection, ConnectionClient } from '../upstream/connection.ts';
import type { Launch } from '../upstream/launch.ts';
import { CatalogueKeeper } from './catalogueKeeper.ts';
import type { SessionDeps } from './session.ts';
import { createConnection } from './sessionConnection.ts';

/**
 * A server that runs before anybody uses it: to learn its tools, or because it is to be kept warm (requirements R5.0). The first client
 * that says the same in `initialize` gets this very connection; for any other one it is ended.
 */
export class Standby implements StandbySession, ConnectionClient {
  readonly isClient = false;
  readonly promiseBroken = false;
  readonly #deps: SessionDeps;
  readonly #runtime: ServerRuntime;
  readonly #initialize: string;
  readonly #catalogue: CatalogueKeeper;
  readonly #onChanged: () => void;
  #connection: Connection | undefined;
  #initialized: HandedOver['initialized'];
  #hasLists = false;
  #ending: Promise<void> | undefined;
  /** The server asked for something that only a client could give; what it makes of the refusal is its secret. */
  #wasAsked = false;

  /** `initialize`: the parameters, JSON text. `onChanged` is called when its catalogue is known, or it has ended. */
  constructor(deps: SessionDeps, runtime: ServerRuntime, initialize: string, onChanged: () => void) {
    this.#deps = deps;
    this.#runtime = runtime;
    this.#initialize = initialize;
    this.#onChanged = onChanged;
    const key = () => catalogueKey(runtime.configurationDigest, initialize);
    this.#catalogue = new CatalogueKeeper(deps.clock, runtime, key, (text) =>
      deps.log('warn', text, runtime.name),
    );
    const connection = createConnection(deps, runtime, {
      key: `standby ${deps.nextNumber()}`,
      client: this,
      after: undefined,
    });
    connection.setHello({ initialize, logLevel: undefined, subscriptions: [] });
    this.#connection = connection;
    runtime.attach(this);
    runtime.standby = this;
  }

  get connection(): Connection | undefined {
    return this.#connection;
  }

  get hasLists(): boolean {
    return this.#hasLists;
  }

  handOver(initialize: string, client: ConnectionClient): HandedOver | undefined {
    const connection = this.#connection;
    const isUsable = connection?.state === 'ready' || connection?.state === 'suspect';
    if (connection === undefined || !isUsable || this.#wasAsked) return undefined;
    if (!isSameJson(initialize, this.#initialize)) return undefined;
    this.#connection = undefined;
    connection.client = client;
    this.#leave();
    return { connection, initialized: this.#initialized };
  }

  end(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async #end(): Promise<void> {
    const connection = this.#connection;
    if (connection === undefined) return;
    // It stays in its place until its server is gone: whoever starts another one must wait for that.
    await connection.stop();
    this.#leave();
    this.#connection = undefined;
  }

  #leave(): void {
    this.#runtime.detach(this);
    if (this.#runtime.standby === this) this.#runtime.standby = undefined;
    this.#onChanged();
  }

  onConfigurationChanged(): void {
    void this.end();
  }

  onInitialized(result: string, line: Uint8Array): void {
    this.#initialized = { result, line };
    this.#catalogue.noteInitialize(result);
  }

  onReady(launch: Launch): void {
    this.#catalogue.refreshAll(launch).then(
      () => {
        this.#hasLists = true;
        this.#onChanged();
      },
      (error: unknown) =>
        this.#deps.log(
          'warn',
          `what the server listed could not be kept: ${String(error)}`,
          this.#runtime.name,
        ),
    );
  }

  onClientMessage(line: Uint8Array): void {
    const frame = scanFrame(line);
    if (frame.kind !== 'request') return; // nobody is there to be told
    this.#wasAsked = true;
    const refusal = `{"jsonrpc":"2.0","id":${frame.id},"error":{"code":-32601,"message":"No client is connected yet"}}`;
    const answer = new TextEncoder().encode(refusal);
    const response = scanFrame(answer);
    if (response.kind === 'response') this.#connection?.currentLaunch?.answer(answer, response);
  }

  onListChanged(list: string, _line: Uint8Array, launch: Launch): void {
    void this.#catalogue.refresh(launch, list).catch(() => undefined); // an old list is better than none
  }

  onServerRequests(): void {
    // no deadlines to hold
  }

  onProgress(): boolean {
    return false;
  }
}

function isSameJson(a: string, b: string): boolean {
  try {
    return a === b || isDeepStrictEqual(JSON.parse(a), JSON.parse(b));
  } catch {
    return false;
  }
}
