import type { Socket } from 'node:net';
import type { Clock } from '../../shared/base/clock.ts';
import { DisposableStore, type Disposable } from '../../shared/base/disposable.ts';
import type { NotificationType, RequestType } from '../../shared/protocol/message.ts';
import {
  actOnServer as actOnServerRequest,
  configurationChanged,
  getSnapshot,
  inputsChanged,
  isAtLeast,
  logged,
  logLevelWanted,
  needInputs,
  parseEngineConfiguration,
  recover,
  snapshotChanged,
  verifyAudit,
  type LogEntry,
  type LogLevel,
} from '../../shared/protocol/engineMessages.ts';
import { getEvents } from '../../shared/protocol/eventMessages.ts';
import { getHistory } from '../../shared/protocol/historyMessages.ts';
import type { AuditDesk } from '../observability/audit/auditDesk.ts';
import type { EngineLog } from '../observability/engineLog.ts';
import type { EventLog } from '../observability/series/eventLog.ts';
import type { SeriesHistory } from '../observability/series/seriesHistory.ts';
import { getWatched } from '../../shared/protocol/watchedMessages.ts';
import type { WatchedValues } from '../observability/watched/watchedValues.ts';
import type { SnapshotProducer } from '../observability/snapshotProducer.ts';
import { forceRecovery } from '../recovery/forceRecovery.ts';
import type { InputDesk } from '../servers/inputDesk.ts';
import type { ServerRegistry } from '../servers/serverRegistry.ts';
import type { PortCare } from '../recovery/portCare.ts';
import type { LoginShell } from '../upstream/loginShell.ts';
import {
  createConnection,
  createProtocolConnection,
  StreamMessageReader,
  StreamMessageWriter,
  type Connection as LanguageConnection,
} from './languageServer.ts';
import { languageCapabilities, serveLanguage } from './languageDesk.ts';
import { actOnServer } from './serverActions.ts';

export interface ControlDeps {
  readonly clock: Clock;
  readonly registry: ServerRegistry;
  readonly ports: PortCare;
  readonly snapshots: SnapshotProducer;
  readonly history: Pick<SeriesHistory, 'query'>;
  readonly events: Pick<EventLog, 'query'>;
  readonly watched: WatchedValues;
  readonly log: EngineLog;
  readonly audit: AuditDesk;
  /** False: the engine has its configuration from elsewhere, and clients only look and recover. */
  readonly takesConfiguration: boolean;
  readonly inputs: InputDesk;
  readonly environment: NodeJS.ProcessEnv;
  readonly loginShell: LoginShell;
}

/** Log lines are sent together, at most this often. */
const LOG_INTERVAL_MS = 50;
const MAX_LOG_BATCH = 2_000;
const PRESSURE_BYTES = 4_194_304;

/**
 * The library's own logger sends its words to the client, and throws when that client has just left: unhandled, deep inside a
 * failed write. Nothing it says is worth an engine; what matters is told by the connection's end.
 */
const quiet = { error: () => undefined, warn: () => undefined, info: () => undefined, log: () => undefined };

/**
 * Serves one language client (one extension host). Several may be there at once, because an old extension host can
 * linger for seconds after a reload; the newest settings count. Neither `exit` nor the end of a connection ends the
 * engine: it belongs to the window, not to the extension host.
 */
export function serveControl(socket: Socket, deps: ControlDeps): void {
  const watchDog = { shutdownReceived: false, initialize: () => undefined, exit: () => undefined };
  const reader = new StreamMessageReader(socket);
  // Of a client that is gone in the middle of a message the library would wait for the rest, with a timer that it sets anew for ever.
  reader.partialMessageTimeout = 0;
  const connection: LanguageConnection = createConnection(
    () => createProtocolConnection(reader, new StreamMessageWriter(socket), quiet),
    watchDog,
  );
  const store = new DisposableStore();
  const warn = (what: string, error: unknown): void =>
    void deps.log.write(
      'warn',
      `${what}: ${error instanceof Error ? error.message.slice(0, 1_000) : String(error)}`,
    );

  const configure = (value: unknown): void => {
    if (!deps.takesConfiguration) return;
    try {
      deps.registry.configure(parseEngineConfiguration(value));
    } catch (error) {
      warn('settings from the editor could not be read and the former ones stay', error);
    }
  };
  let isEditor = false;
  connection.onInitialize((params) => {
    const options: unknown = params.initializationOptions;
    // Who only looks sends none, and must not take the settings away, nor can anybody be asked there.
    isEditor = deps.takesConfiguration && options !== undefined && options !== null;
    if (isEditor) configure(options);
    return {
      capabilities: languageCapabilities,
      serverInfo: { name: 'mcp-lifeline' },
    };
  });
  const { clock, environment, loginShell, registry } = deps;
  store.add(
    serveLanguage(connection, {
      clock,
      environment,
      loginShell,
      workspaceFolder: () => registry.workspaceFolder,
      configured: () => registry.servers.map(({ name }) => name),
      onError: (error) => warn('language features failed', error),
    }),
  );
  const wanted = new WantedLevel(deps.log);
  store.add(wanted);
  connection.onNotification(logLevelWanted.method, (value: unknown) => {
    try {
      wanted.set(logLevelWanted.parse(value).level);
    } catch (error) {
      warn('a client asked for a log level that there is not', error);
    }
  });
  connection.onInitialized(() => {
    const send = <P>(type: NotificationType<P>, params: P): void => {
      // A client that does not read gets a full snapshot when it does again; log lines that it missed stay in the engine's file.
      if (socket.writableLength > PRESSURE_BYTES) return;
      // A client that is just leaving takes nothing more; the next one gets a full snapshot.
      void connection.sendNotification(type.method, params as object).catch(() => undefined);
    };
    if (isEditor)
      // A connection that is lost meanwhile is a rejection too.
      store.add(
        deps.inputs.use(async (needed) =>
          needInputs.parseResult(await connection.sendRequest<unknown>(needInputs.method, needed)),
        ),
      );
    send(snapshotChanged, deps.snapshots.now);
    socket.on('drain', () => send(snapshotChanged, deps.snapshots.now));
    store.add(deps.snapshots.onDidProduce((snapshot) => send(snapshotChanged, snapshot)));
    store.add(forwardLog(deps, wanted, (entries) => send(logged, { entries })));
  });
  connection.onNotification(configurationChanged.method, configure);
  connection.onNotification(inputsChanged.method, (value: unknown) => {
    try {
      const { servers, forget } = inputsChanged.parse(value);
      for (const name of servers) {
        const server = deps.registry.find(name);
        if (forget === true) deps.inputs.forget(name);
        else if (server !== undefined)
          deps.inputs
            .refresh(server)
            .catch((error: unknown) => warn('changed inputs were not taken over', error));
      }
    } catch (error) {
      warn('changed inputs could not be read', error);
    }
  });
  serve(connection, getSnapshot, () => Promise.resolve(deps.snapshots.now));
  serve(connection, getHistory, (params) => deps.history.query(params));
  serve(connection, getEvents, (params) => deps.events.query(params));
  serve(connection, getWatched, ({ server }) => Promise.resolve(deps.watched.history(server)));
  serve(connection, recover, (params) =>
    deps.audit.recovery(params, () => forceRecovery(deps.registry, params, deps.clock)),
  );
  serve(connection, actOnServerRequest, (params) =>
    deps.audit.action(params, () => actOnServer(deps.registry, deps.ports, params)),
  );
  serve(connection, verifyAudit, () => deps.audit.verify());
  socket.once('close', () => {
    store.dispose();
    connection.dispose();
  });
  connection.listen();
  socket.resume();
}

function serve<P, R>(
  connection: LanguageConnection,
  type: RequestType<P, R>,
  handle: (params: P) => Promise<R>,
): void {
  connection.onRequest(type.method, (params: unknown) => handle(type.parseParams(params)));
}

/** What one client wants of the log. */
class WantedLevel implements Disposable {
  readonly #log: EngineLog;
  #level: LogLevel = 'info';
  #debug: Disposable | undefined;

  constructor(log: EngineLog) {
    this.#log = log;
  }

  get level(): LogLevel {
    return this.#level;
  }

  set(level: LogLevel): void {
    this.dispose();
    this.#level = level;
    if (level === 'debug') this.#debug = this.#log.wantDebug();
  }

  dispose(): void {
    this.#debug?.dispose();
    this.#debug = undefined;
  }
}

function forwardLog(deps: ControlDeps, wanted: WantedLevel, send: (entries: LogEntry[]) => void): Disposable {
  let waiting: LogEntry[] = deps.log.remembered.filter(({ level }) => isAtLeast(level, wanted.level));
  let timer: Disposable | undefined;
  const flush = (): void => {
    timer = undefined;
    const entries = waiting;
    waiting = [];
    if (entries.length > 0) send(entries);
  };
  flush();
  const subscription = deps.log.onDidLog((entry) => {
    if (!isAtLeast(entry.level, wanted.level)) return;
    if (waiting.length < MAX_LOG_BATCH) waiting.push(entry);
    timer ??= deps.clock.setTimer(LOG_INTERVAL_MS, flush);
  });
  return {
    dispose: () => {
      timer?.dispose();
      subscription.dispose();
    },
  };
}
