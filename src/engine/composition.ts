import { randomBytes } from 'node:crypto';
import { lstatSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock, type Clock } from '../shared/base/clock.ts';
import type { Disposable } from '../shared/base/disposable.ts';
import { Redactor } from '../shared/redaction/redactor.ts';
import { secretsIn } from '../shared/redaction/secretValues.ts';
import { systemRandom } from '../shared/base/random.ts';
import { parseEndpointInfo, readEndpointFile, type EndpointInfo } from '../endpoint/endpointFile.ts';
import { endpointFile, endpointsFolder } from '../endpoint/location.ts';
import type { SettingsProblem } from '../shared/model/snapshot.ts';
import type { EngineConfiguration, LogEntry, LogLevel } from '../shared/protocol/engineMessages.ts';
import { CatalogueStore } from './catalogue/catalogue.ts';
import { Gateway } from './gateway/gateway.ts';
import type { SessionDeps } from './gateway/session.ts';
import { StandbyKeeper } from './gateway/standbyKeeper.ts';
import type { HttpAddress, HttpEndpoint } from './gateway/httpEndpoint.ts';
import { CpuUse } from './health/cpuUse.ts';
import { HealthMonitor } from './health/healthMonitor.ts';
import { networkDigest } from './health/networkDigest.ts';
import { isStopped } from './health/processState.ts';
import { AlertDesk } from './observability/alerts/alertDesk.ts';
import type { MeasuredServer } from './observability/alerts/measures.ts';
import { AuditDesk } from './observability/audit/auditDesk.ts';
import { AuditFeed } from './observability/audit/auditFeed.ts';
import { openAuditThread } from './observability/audit/auditThread.ts';
import { keepRemovingOldTrails, removalText } from './observability/audit/oldTrails.ts';
import { Continuity } from './observability/continuity/continuity.ts';
import { EngineLog } from './observability/engineLog.ts';
import { Telemetry } from './observability/exporters/telemetry.ts';
import { LogFiles } from './observability/logFiles.ts';
import { CallLogObserver, LogObserver } from './observability/logObserver.ts';
import { Observations } from './observability/observations.ts';
import { EventLog } from './observability/series/eventLog.ts';
import { removeLongGone } from './observability/series/longGone.ts';
import { SampledRuntime } from './observability/series/sampledRuntime.ts';
import { SeriesHistory } from './observability/series/seriesHistory.ts';
import { SnapshotProducer } from './observability/snapshotProducer.ts';
import { forceRecovery } from './recovery/forceRecovery.ts';
import { PortCare } from './recovery/portCare.ts';
import { WatchedValues } from './observability/watched/watchedValues.ts';
import { RecoveryQueue } from './recovery/recoveryQueue.ts';
import { ServerRecovery } from './recovery/serverRecovery.ts';
import { Tide } from './policies/backoff/tide.ts';
import { InputDesk } from './servers/inputDesk.ts';
import { inputsOfEnvironment } from './servers/inputsOfEnvironment.ts';
import { ServerRegistry, type SettingsPlaces } from './servers/serverRegistry.ts';
import type { ServerRuntime } from './servers/serverRuntime.ts';
import { endOrphans } from './recovery/orphans.ts';
import { Journal } from './state/journal.ts';
import { isOwned, takeOwnership } from './state/ownership.ts';
import { ensurePrivateFolder, newSocketAddress, writeFileAtomically } from './state/privateFolder.ts';
import { ProcessList } from './state/processList.ts';
import { Guardian } from './upstream/guardian.ts';
import { StartGate } from './upstream/startGate.ts';
import { LoginShell } from './upstream/loginShell.ts';
import { Upstreams } from './upstream/upstreams.ts';

/** The engine ends this long after its last client has left; a window reload takes less. */
const LINGER_MS = 15_000;
/** After its start the engine looks for what windows long gone have left. */
const LONG_GONE_AFTER_MS = 60_000;

export interface EngineOptions {
  readonly home: string;
  readonly window: string;
  readonly version: string;
  /** Called when the engine has nobody left to serve. */
  readonly onIdle: () => void;
  readonly lingerMs?: number;
  /** The least that its log file holds; by default `info`. */
  readonly logLevel?: LogLevel;
  /** The engine is not a window's: it has its settings from its owner, serves HTTP too, and runs until it is stopped. */
  readonly standalone?: StandaloneOptions;
}

export interface StandaloneOptions {
  readonly configuration: EngineConfiguration;
  readonly places: SettingsPlaces;
  readonly address: HttpAddress;
  readonly token: string;
  readonly onLog: (entry: LogEntry) => void;
}

export interface Engine {
  /** How to reach the engine over its socket. */
  readonly endpointFile: string;
  /** Settings that were not usable. */
  readonly problems: readonly SettingsProblem[];
  /** The HTTP endpoint's address, and each usable server's. */
  readonly addresses: { readonly url: string; readonly servers: Readonly<Record<string, { url: string }>> };
  /** Takes other settings over. */
  configure(configuration: EngineConfiguration, places: SettingsPlaces): void;
  /** A line for the engine's log. */
  log(level: LogEntry['level'], message: string): void;
  /** From now on its log tells at least this. */
  setLogLevel(level: LogLevel): void;
  /** Stops the servers, removes what it owns, and lets the guardian go. */
  stop(): Promise<void>;
  /** Leaves word of an error that ends the engine. */
  noteBug(error: unknown): void;
}

/** Puts the engine together and starts it. The caller owns the window's lock. */
export async function startEngine(options: EngineOptions): Promise<Engine> {
  const { home, window, version, standalone } = options;
  const clock = systemClock;
  const startedAt = clock.wallNow();
  const token = randomBytes(32).toString('hex');
  const redactor = new Redactor();
  const redact = (text: string): string => redactor.redact(text);
  // What a server inherits it may tell.
  redactor.learn([token, standalone?.token ?? '', ...secretsIn({ env: process.env })]);
  const locks = join(home, 'locks');
  const files = new LogFiles({
    clock,
    folder: join(home, 'logs'),
    window,
    isRunning: (other) => isOwned(locks, other),
  });
  const log = new EngineLog({ clock, files, redact, level: options.logLevel ?? 'info' });
  const logging = standalone === undefined ? undefined : log.onDidLog(standalone.onLog);
  const note = (text: string): void => void log.write('warn', text);
  const onListenerError = (error: unknown): void =>
    void log.write(
      'error',
      `a listener failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );

  // Bridges hear of a journal that fails before the call goes out for which it failed.
  const listeners: { onJournalTrouble?: () => void; onTrouble?: () => void } = {};
  const journal = new Journal(join(home, 'journal', window), `${startedAt}-${process.pid}`, (message) => {
    note(message);
    listeners.onTrouble?.();
    listeners.onJournalTrouble?.();
  });
  const store = new CatalogueStore(home, window, note);
  const auditFolder = join(home, 'audit', window);
  const audit = new AuditFeed({
    clock,
    log: note,
    onTrouble: () => listeners.onTrouble?.(),
    redact,
    open: (start, listener) =>
      openAuditThread({ folder: auditFolder, engine: { pid: process.pid, version }, ...start }, listener),
  });
  const observations = new Observations(onListenerError);
  observations.add(audit);
  observations.add(new LogObserver(log, clock));
  logCallsWhileWanted(log, observations, clock);
  const seriesFolder = join(home, 'series', window);
  const events = new EventLog({ clock, folder: seriesFolder, redact, note });
  observations.add(events);
  const oldTrails = keepRemovingOldTrails({
    root: join(home, 'audit'),
    window,
    clock,
    lock: (other) => {
      const verdict = takeOwnership(join(home, 'locks'), other);
      return verdict.kind === 'owner' ? verdict.lock : undefined;
    },
    onRemoved: (trail) => {
      note(removalText(trail));
      audit.noteRemoved(trail);
    },
    onError: onListenerError,
  });
  const auditDesk = new AuditDesk(observations, audit, auditFolder);
  const tide = new Tide(clock);
  const cpuUse = new CpuUse(() => clock.now());
  const registry = new ServerRegistry({
    clock,
    store,
    cpuRatio: () => cpuUse.ratio(),
    environment: process.env,
    onListenerError,
    redactor,
    onBreaker: (server, state) => observations.note({ kind: 'breaker', server, state }),
    onConfigured: (configuration, telemetrySettings) => {
      audit.configure(configuration.audit === true, configuration.auditKeepDays);
      observations.note({ kind: 'configuration', servers: configuration.servers.map(({ name }) => name) });
      telemetry.configure(telemetrySettings);
    },
    recovery: (server) => new ServerRecovery(server, { clock, random: systemRandom, tide }),
  });
  const guardian = new Guardian(clock, note);
  // Before anything is started: what an engine that was killed has left may hold ports and locks.
  await endOrphans({ clock, folder: join(home, 'processes', window), window, log: note });
  const processes = new ProcessList(join(home, 'processes', window), `${startedAt}-${process.pid}`, note);
  const recovery = new RecoveryQueue({
    clock,
    random: systemRandom,
    intervalMs: () => registry.recoveryIntervalMs,
    onError: onListenerError,
    onForgotten: (key) => note(`the connection ${key} was down without a plan and is tried now`),
  });
  const health = new HealthMonitor({
    clock,
    random: systemRandom,
    isStopped,
    networkDigest,
    log: (message) => log.write('info', message),
  });
  const alerts: AlertDesk = new AlertDesk({
    clock,
    servers: () => registry.servers.map(measured),
    settings: (server) => registry.alertSettings(server),
    engine: () => engineState(),
    redact,
    onChange: () => snapshots.touch(),
    tell: (change) => {
      observations.note(change);
      const { to, server, sentence, rule } = change;
      if (to === 'firing') log.write('warn', `alert: ${sentence}`, server);
      else log.write('info', `alert over: ${rule}`, server);
    },
  });
  observations.add(alerts);
  listeners.onTrouble = () => alerts.touch();
  const watching = registry.onDidChange(() => alerts.touch());
  const continuity = new Continuity({
    clock,
    servers: () => registry.servers.map(({ name }) => name),
    uptime: (server) => registry.find(server)?.outages.uptime.reading,
    alerts,
  });
  observations.add(continuity);
  const watched = new WatchedValues({
    clock,
    servers: () => registry.servers,
    alerts,
    log: (level, message, server) => log.write(level, message, server),
  });
  observations.add(watched);
  const engineState = () => ({
    pid: process.pid,
    version,
    startedAt,
    journalReliable: journal.reliable,
    audit: audit.status,
    continuity: continuity.overall,
  });
  const snapshots: SnapshotProducer = new SnapshotProducer({
    clock,
    registry,
    engine: engineState,
    onListenerError,
    observed: (server) => ({ continuity: continuity.of(server), watched: watched.of(server) }),
    alerts: (servers, engine) => alerts.snapshot(servers, engine),
  });
  const telemetry = new Telemetry({
    clock,
    observations,
    environment: process.env,
    snapshot: () => snapshots.now,
    redact,
    log: (level, message) => log.write(level, message),
  });
  const history = new SeriesHistory({
    clock,
    folder: seriesFolder,
    servers: () => registry.servers.map((server) => new SampledRuntime(server)),
    note,
  });
  observations.add(history);
  let lastNumber = 0;

  const loginShell = new LoginShell({
    clock,
    environment: process.env,
    guardian,
    log: (text) => log.write('info', text),
  });
  const upstreams = new Upstreams({
    clock,
    redactor,
    guardian,
    window,
    processes,
    beforeWrite: () => journal.flush(),
    loginShell,
    environment: process.env,
    random: systemRandom,
    log: (message, server) => log.write('info', message, server),
    defaultFolder: () => registry.workspaceFolder,
  });
  const info: EndpointInfo = {
    version: 1,
    window,
    socket: newSocketAddress(home),
    token,
    pid: process.pid,
    startedAt,
    engineVersion: version,
  };
  const inputs = new InputDesk(clock, redactor);
  if (standalone !== undefined) inputs.use(inputsOfEnvironment(process.env));
  const ports = new PortCare({ clock, window, processes });
  const sessions: SessionDeps = {
    ports,
    clock,
    random: systemRandom,
    journal,
    recovery,
    health,
    startGate: new StartGate(clock),
    inputs,
    open: (runtime, listener) => upstreams.open(inputs.target(runtime), listener),
    failover: (runtime) => upstreams.failover(inputs.target(runtime)),
    runCheck: (runtime, check) => upstreams.runCheck(inputs.target(runtime), check),
    nextNumber: () => (lastNumber += 1),
    // No engine before or after this one uses the same ids towards a client that outlives it.
    launchPrefix: `${startedAt.toString(36)}${process.pid.toString(36)}`,
    log: (level, message, server, kind) => log.write(level, message, server, kind),
    quote: (level, message, server) => log.quote(level, message, server),
    redact,
    observations,
    tracing: telemetry,
    watched,
    onListenerError,
  };
  const gateway = new Gateway({
    address: info.socket,
    token: info.token,
    engineVersion: version,
    clock,
    registry,
    sessions,
    // Loaded with its library when the first one comes; the socket is paused until then.
    onControl: (socket) =>
      void loadControl().then(
        ({ serveControl }) => {
          if (socket.destroyed) return;
          const takesConfiguration = standalone === undefined;
          serveControl(socket, {
            ports,
            clock,
            registry,
            snapshots,
            history,
            events,
            watched,
            log,
            audit: auditDesk,
            takesConfiguration,
            inputs,
            environment: process.env,
            loginShell,
          });
        },
        (error: unknown) => {
          onListenerError(error);
          socket.destroy();
        },
      ),
    log: note,
  });

  listeners.onJournalTrouble = () => {
    if (!journal.reliable) gateway.tellJournalUnreliable();
  };
  if (standalone !== undefined) registry.configure(standalone.configuration, standalone.places);
  const http =
    standalone === undefined
      ? undefined
      : await httpEndpointFor(standalone, {
          clock,
          registry,
          snapshots,
          telemetry,
          gateway,
          note,
          auditDesk,
        });
  const file = endpointFile(home, window);
  try {
    await http?.listen();
    await gateway.listen();
    ensurePrivateFolder(endpointsFolder(home));
    removeLeftSocket(file);
    writeFileAtomically(file, JSON.stringify(info));
  } catch (error) {
    await Promise.all([http?.close(), gateway.close()]);
    journal.close(false);
    guardian.dispose();
    throw error;
  }
  log.write('info', `engine ${version} is listening (pid ${process.pid})`);
  // The window's extension comes next; loading begins while it still connects.
  if (standalone === undefined)
    clock.setTimer(0, () => void loadControl().catch(onListenerError), { unref: true });
  // What windows long gone have left; when the engine is at rest.
  clock.setTimer(LONG_GONE_AFTER_MS, () => void removeLongGone({ home, window, clock, note }), {
    unref: true,
  });
  // In an editor that is the extension's business: VS Code must learn the tools too.
  const standbys = standalone === undefined ? undefined : new StandbyKeeper(sessions, registry, version);
  const linger =
    standalone === undefined
      ? watchClients(gateway, clock, options.lingerMs ?? LINGER_MS, options.onIdle)
      : undefined;

  return {
    endpointFile: file,
    get problems() {
      return registry.problems;
    },
    get addresses() {
      return addressesOf(registry, (server) => http?.url(server) ?? '');
    },
    configure: (configuration, places) => registry.configure(configuration, places),
    log: (level, message) => log.write(level, message),
    setLogLevel: (level) => (log.level = level),
    noteBug(error) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      log.write('error', `the engine ends on an unforeseen error: ${text}`);
      log.flush();
    },
    async stop() {
      linger?.dispose();
      removeOwnEndpoint(file, info);
      const clientsAreLeft = gateway.sessions.length > 0;
      await Promise.all([http?.close(), gateway.close(), standbys?.close()]);
      recovery.dispose();
      health.dispose();
      watching.dispose();
      alerts.dispose();
      snapshots.dispose();
      continuity.dispose();
      watched.dispose();
      journal.close(clientsAreLeft);
      oldTrails.dispose();
      await Promise.all([audit.stop(), telemetry.stop(), history.stop(), events.stop()]);
      upstreams.dispose();
      guardian.dispose();
      log.close();
      logging?.dispose();
    },
  };
}

/** A line for each call, which costs something, is made only while somebody wants it. */
function logCallsWhileWanted(log: EngineLog, observations: Observations, clock: Clock): void {
  let observing: Disposable | undefined;
  const adapt = (isWanted: boolean): void => {
    observing?.dispose();
    observing = isWanted ? observations.add(new CallLogObserver(log, clock)) : undefined;
  };
  log.onDidChangeDebug(adapt);
  adapt(log.isDebugging);
}

const loadControl = () => import('./control/controlConnection.ts');

/** What the alerts look at. */
function measured({ name, state, breaker, counters }: ServerRuntime): MeasuredServer {
  return { name, state, breaker: breaker.state, brokenPipes: counters.brokenPipe };
}

/** Where each server is that can be used. */
function addressesOf(registry: ServerRegistry, url: (server?: string) => string): Engine['addresses'] {
  const usable = registry.servers.filter(({ config }) => config?.lifeline.enabled === true);
  return {
    url: url(),
    servers: Object.fromEntries(usable.map(({ name }) => [name, { url: url(name) }])),
  };
}

async function httpEndpointFor(
  { address, token }: StandaloneOptions,
  parts: {
    readonly clock: Clock;
    readonly registry: ServerRegistry;
    readonly snapshots: SnapshotProducer;
    readonly telemetry: Telemetry;
    readonly gateway: Gateway;
    readonly note: (text: string) => void;
    readonly auditDesk: AuditDesk;
  },
): Promise<HttpEndpoint> {
  const { clock, registry, snapshots, telemetry, gateway, note, auditDesk } = parts;
  const library = await import('./gateway/httpEndpoint.ts');
  return new library.HttpEndpoint({
    address,
    token,
    clock,
    snapshot: () => snapshots.now,
    prometheus: () => telemetry.prometheus(),
    recover: (server) => {
      const params = { mode: 'recover', ...(server === undefined ? {} : { server }) } as const;
      return auditDesk.recovery(params, () => forceRecovery(registry, params, clock));
    },
    knows: (server) => registry.find(server) !== undefined,
    openSession: (server, id, port) => gateway.startSession(server, id, port),
    log: note,
  });
}

/** The socket of an engine that was killed: the window's lock is ours, so nobody listens there. */
function removeLeftSocket(file: string): void {
  const left = process.platform === 'win32' ? undefined : readEndpointFile(file)?.socket;
  try {
    if (left !== undefined && lstatSync(left).isSocket()) rmSync(left);
  } catch {
    // gone already
  }
}

/** An endpoint file that another engine has written meanwhile is not ours to delete. */
function removeOwnEndpoint(file: string, info: EndpointInfo): void {
  try {
    if (parseEndpointInfo(readFileSync(file, 'utf8'))?.token === info.token) rmSync(file);
  } catch {
    // gone already
  }
}

function watchClients(gateway: Gateway, clock: Clock, lingerMs: number, onIdle: () => void): Disposable {
  let timer: Disposable | undefined = clock.setTimer(lingerMs, onIdle);
  const subscription = gateway.onDidChangeClients((clients) => {
    timer?.dispose();
    timer = clients === 0 ? clock.setTimer(lingerMs, onIdle) : undefined;
  });
  return {
    dispose: () => {
      timer?.dispose();
      subscription.dispose();
    },
  };
}
