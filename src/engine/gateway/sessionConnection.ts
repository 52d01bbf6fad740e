import type { ConnectionState } from '../../shared/model/connectionState.ts';
import type { Fault } from '../../shared/model/fault.ts';
import { isRemote, type ServerConfig } from '../../shared/settings/serverConfig.ts';
import { backoffOptions } from '../policies/backoff/backoff.ts';
import type { ServerRuntime } from '../servers/serverRuntime.ts';
import { Connection, type ConnectionClient } from '../upstream/connection.ts';
import { attachOwnCheck } from './attachOwnCheck.ts';
import type { SessionDeps } from './session.ts';

const START_TIMEOUT_MS = 30_000;
/** `npx` and its like may download first (requirements R2, connectionTimeout). */
const DOWNLOAD_TIMEOUT_MS = 120_000;
const downloads = /(?:^|[\\/])(?:npx|uvx|pnpx|bunx|pipx)(?:\.cmd|\.exe)?$/i;

/** What the start of a server may take. */
export function startTimeoutMs(config: ServerConfig | undefined): number {
  return config?.type === 'stdio' && downloads.test(config.command) ? DOWNLOAD_TIMEOUT_MS : START_TIMEOUT_MS;
}

/** A server that somebody else restarts is away for longer than one of ours: six attempts span half a minute. */
const HTTP_RESTART_ATTEMPTS = 6;

function restartAttempts({ config, settings }: ServerRuntime): number {
  const { maxRestartAttempts } = settings;
  return config?.type === 'http' ? Math.max(HTTP_RESTART_ATTEMPTS, maxRestartAttempts) : maxRestartAttempts;
}

/** Nothing will come of waiting. */
export function isOut(state: ConnectionState | undefined): boolean {
  return state === 'crashLoop' || state === 'needsSignIn' || state === 'isolated';
}

/** A connection to a server with its settings, whose moves are logged and shown. */
export function createConnection(
  deps: SessionDeps,
  runtime: ServerRuntime,
  options: {
    /** Unique within the engine. */
    readonly key: string;
    readonly client: ConnectionClient;
    /** Nothing is started before it has come. */
    readonly after: Promise<unknown> | undefined;
  },
): Connection {
  const {
    clock,
    recovery,
    startGate,
    health,
    nextNumber,
    launchPrefix,
    journal,
    quote,
    redact,
    onListenerError,
  } = deps;
  const connection: Connection = new Connection({
    ...options,
    server: runtime.name,
    clock,
    policy: () => ({
      backoff: backoffOptions(runtime.settings),
      maxRestartAttempts: restartAttempts(runtime),
      startTimeoutMs: startTimeoutMs(runtime.config),
      staysConnected: runtime.settings.minConnections > 0 || runtime.config?.lifeline.keepWarm === true,
      healthCheckIntervalMs: runtime.settings.healthCheckInterval * 1_000,
      isRemote: runtime.config !== undefined && isRemote(runtime.config),
      tier: runtime.config?.lifeline.tier ?? 'medium',
    }),
    recovery,
    health,
    serverRecovery: runtime.recovery,
    // Connecting takes none of this machine's cores.
    startGate: runtime.config?.type === 'http' ? undefined : startGate,
    open: (listener) => deps.open(runtime, listener),
    prepare: (why) => deps.inputs?.prepare(runtime, why),
    mayAsk: () => deps.inputs?.mayAskFor(runtime.name) === true,
    endpoints: {
      lost: (endpoint, fault) =>
        endpoint !== undefined && deps.failover(runtime)?.lost(connection, endpoint, fault) === true,
      hasOther: (endpoint) => endpoint !== undefined && deps.failover(runtime)?.hasOther(endpoint) === true,
    },
    nextLaunchName: () => `${launchPrefix}.${nextNumber()}`,
    journal: {
      written: ({ session, id, method, tool, callId }, isLater) =>
        journal.written({ session, id, method, tool, callId, at: clock.wallNow() }, isLater),
      withdrawn: ({ session, id }) => journal.withdrawn(session, id),
    },
    redact,
    onStderr: (text) => {
      for (const line of text.split('\n'))
        if (line.trim() !== '') quote('info', `stderr: ${line}`, runtime.name);
    },
    onGarbage: (what) => quote('warn', `not understood and dropped: ${what}`, runtime.name),
    onLaunch: (isFirst) => runtime.outages.noteLaunch(isFirst),
    onHealth: () => runtime.touch(),
    onListenerError,
  });
  let from = connection.state;
  let since = clock.now();
  connection.onDidChange((state) => {
    const failure = failureOf(connection);
    runtime.outages.noteState(options.key, state, failure !== undefined);
    const spentMs = clock.now() - since;
    since += spentMs;
    deps.observations?.note({
      kind: 'state',
      server: runtime.name,
      connection: options.key,
      from,
      to: state,
      spentMs,
      ...(connection.pid === undefined ? {} : { pid: connection.pid }),
      ...(failure === undefined ? {} : { fault: failure.code, why: connection.diagnosis }),
      ...(state === 'broken' && connection.endWasAskedFor ? { isFresh: true } : {}),
      ...attemptOf(connection, runtime),
    });
    from = state;
    const { endpoint } = connection;
    if (state === 'ready' && endpoint !== undefined) deps.failover(runtime)?.ready(connection, endpoint);
    else if (state !== 'suspect') deps.failover(runtime)?.left(connection);
    if (failure !== undefined) {
      runtime.noteError(failure);
      deps.ports.look(runtime, connection);
    }
    runtime.touch();
  });
  attachOwnCheck(deps, runtime, connection, options.key);
  deps.watched?.attach(runtime, connection, options.key);
  if (runtime.isIsolated) connection.isolate();
  return connection;
}

/** What has just brought the connection down; absent when nothing has, or a fresh start was asked for. */
function failureOf({ state, endWasAskedFor, lastFault }: Connection): Fault | undefined {
  const isLost = (state === 'broken' && !endWasAskedFor) || state === 'needsSignIn';
  return isLost ? lastFault : undefined;
}

function attemptOf({ nextAttemptInMs: inMs }: Connection, { recovery }: ServerRuntime) {
  return inMs === undefined ? {} : { attempt: { inMs, failed: recovery.attempts } };
}
