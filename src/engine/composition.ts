import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { systemClock, type Clock } from '../shared/base/clock.ts';
import type { Disposable } from '../shared/base/disposable.ts';
import { systemRandom } from '../shared/base/random.ts';
import { parseEndpointInfo, type EndpointInfo } from '../endpoint/endpointFile.ts';
import { endpointFile, endpointsFolder } from '../endpoint/location.ts';
import { CatalogueStore } from './catalogue/catalogue.ts';
import { serveControl } from './control/controlConnection.ts';
import { Gateway } from './gateway/gateway.ts';
import { LatencyHistory } from './observability/latencyHistory.ts';
import { EngineLog } from './observability/engineLog.ts';
import { SnapshotProducer } from './observability/snapshotProducer.ts';
import { RecoveryQueue } from './recovery/recoveryQueue.ts';
import { ServerRegistry } from './servers/serverRegistry.ts';
import type { ServerRuntime } from './servers/serverRuntime.ts';
import { Journal } from './state/journal.ts';
import { ensurePrivateFolder, newSocketAddress, writeFileAtomically } from './state/privateFolder.ts';
import { upstreamEnvironment } from './upstream/environment.ts';
import { Guardian } from './upstream/guardian.ts';
import { ServerProcess, type ServerProcessListener } from './upstream/serverProcess.ts';

/** The engine ends this long after its last client has left; a window reload takes less. */
const LINGER_MS = 15_000;
/** Longest message of a server. */
const MAX_SERVER_LINE_BYTES = 67_108_864;

export interface EngineOptions {
  readonly home: string;
  readonly window: string;
  readonly version: string;
  /** Called when the engine has nobody left to serve. */
  readonly onIdle: () => void;
  readonly lingerMs?: number;
}

export interface Engine {
  /** Stops the servers, removes what it owns, and lets the guardian go. */
  stop(): Promise<void>;
  /** Leaves word of an error that ends the engine. */
  noteBug(error: unknown): void;
}

/** Puts the engine together and starts it. The caller owns the window's lock. */
export async function startEngine(options: EngineOptions): Promise<Engine> {
  const { home, window, version } = options;
  const clock = systemClock;
  const startedAt = clock.wallNow();
  const log = new EngineLog(clock, join(home, 'logs', `${window}.log`));
  const note = (text: string): void => log.write('warn', text);
  const onListenerError = (error: unknown): void =>
    log.write(
      'error',
      `a listener failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );

  // Bridges hear of a journal that fails before the call goes out for which it failed.
  const listeners: { onJournalTrouble?: () => void } = {};
  const journal = new Journal(join(home, 'journal', window), `${startedAt}-${process.pid}`, (message) => {
    note(message);
    listeners.onJournalTrouble?.();
  });
  const store = new CatalogueStore(home, window, note);
  const history = new LatencyHistory(clock, () => registry.servers);
  const registry = new ServerRegistry({ clock, store, environment: process.env, onListenerError });
  const guardian = new Guardian(clock, note);
  const recovery = new RecoveryQueue(clock);
  const engineState = () => ({ pid: process.pid, version, startedAt, journalReliable: journal.reliable });
  const snapshots = new SnapshotProducer(clock, registry, engineState, onListenerError);
  let lastNumber = 0;

  const spawn = (runtime: ServerRuntime, listener: ServerProcessListener): ServerProcess => {
    const { config } = runtime;
    return new ServerProcess(
      {
        command: config?.command ?? '',
        args: config?.args ?? [],
        cwd: config?.cwd ?? registry.workspaceFolder ?? homedir(),
        env: upstreamEnvironment(process.env, config?.env ?? {}),
        clock,
        guardian,
        maxLineBytes: MAX_SERVER_LINE_BYTES,
      },
      listener,
    );
  };
  const info: EndpointInfo = {
    version: 1,
    window,
    socket: newSocketAddress(home),
    token: randomBytes(32).toString('hex'),
    pid: process.pid,
    startedAt,
    engineVersion: version,
  };
  const gateway = new Gateway({
    address: info.socket,
    token: info.token,
    engineVersion: version,
    clock,
    registry,
    sessions: {
      clock,
      random: systemRandom,
      journal,
      recovery,
      spawn,
      nextNumber: () => (lastNumber += 1),
      // No engine before or after this one uses the same ids towards a client that outlives it.
      launchPrefix: `${startedAt.toString(36)}${process.pid.toString(36)}`,
      log: (level, message, server) => log.write(level, message, server),
      onListenerError,
    },
    onControl: (socket) => serveControl(socket, { clock, registry, snapshots, history, log }),
    log: note,
  });

  listeners.onJournalTrouble = () => {
    if (!journal.reliable) gateway.tellJournalUnreliable();
  };
  await gateway.listen();
  ensurePrivateFolder(endpointsFolder(home));
  const file = endpointFile(home, window);
  writeFileAtomically(file, JSON.stringify(info));
  log.write('info', `engine ${version} is listening (pid ${process.pid})`);
  const linger = watchClients(gateway, clock, options.lingerMs ?? LINGER_MS, options.onIdle);
      history.dispose();

  return {
    noteBug(error) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      log.write('error', `the engine ends on an unforeseen error: ${text}`);
      log.flush();
    },
    async stop() {
      linger.dispose();
      removeOwnEndpoint(file, info);
      const clientsAreLeft = gateway.sessions.length > 0;
      await gateway.close();
      recovery.dispose();
      snapshots.dispose();
      journal.close(clientsAreLeft);
      guardian.dispose();
      log.flush();
    },
  };
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
