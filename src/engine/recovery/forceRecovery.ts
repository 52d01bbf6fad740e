import type { Clock } from '../../shared/base/clock.ts';
import type { ConnectionState } from '../../shared/model/connectionState.ts';
import { tierOrder } from '../../shared/model/tier.ts';
import type { RecoverParams, RecoverResult } from '../../shared/protocol/engineMessages.ts';
import type { ServerRegistry } from '../servers/serverRegistry.ts';
import type { ServerRuntime } from '../servers/serverRuntime.ts';
import type { Connection } from '../upstream/connection.ts';

type Verdict = RecoverResult['results'][number];
type Outcome = Omit<Verdict, 'server' | 'durationMs'>;

/** A verdict is given after this at the latest. */
const VERDICT_TIMEOUT_MS = 60_000;

/** What is under way; whoever asks for the same server meanwhile gets the same verdict. */
const running = new WeakMap<ServerRuntime, Promise<Verdict>>();

/**
 * Force recovery (requirements R5.6): resets breaker and backoff, drops the connection, starts afresh, and reports what
 * became of each server. Without a name it leaves alone what is healthy, idle or just being started for the first time, and, unless
 * `interruptCalls` allows it, what runs calls. One server by name is always acted on, but for one that is disabled or isolated.
 */
export async function forceRecovery(
  registry: ServerRegistry,
  params: RecoverParams,
  clock: Clock,
): Promise<RecoverResult> {
  const { server: name } = params;
  const targets =
    name === undefined ? registry.servers : registry.servers.filter((server) => server.name === name);
  if (name !== undefined && targets.length === 0) {
    const message = `There is no server "${name}" in the settings of this window.`;
    return { results: [{ server: name, outcome: 'failed', message, durationMs: 0 }] };
  }
  const order = (server: ServerRuntime): number => tierOrder(server.config?.lifeline.tier ?? 'medium');
  // Started in order of tier, told in the order of the settings.
  const verdicts = new Map<ServerRuntime, Promise<Verdict>>();
  for (const target of targets.toSorted((one, other) => order(one) - order(other)))
    verdicts.set(target, joinOrRecover(target, params, clock));
  return { results: await Promise.all(targets.flatMap((target) => verdicts.get(target) ?? [])) };
}

function joinOrRecover(server: ServerRuntime, params: RecoverParams, clock: Clock): Promise<Verdict> {
  const known = running.get(server);
  if (known !== undefined) return known;
  const startedAt = clock.now();
  const verdict = (outcome: Outcome): Verdict => ({
    server: server.name,
    ...outcome,
    durationMs: Math.round(clock.now() - startedAt),
  });
  const runningCalls = callsInTheWay(server, params);
  if (runningCalls > 0) {
    const what = runningCalls === 1 ? 'One call is running on it' : `${runningCalls} calls are running on it`;
    const message = `${what}, so it was left alone. Recover it by its name, or allow running calls to be ended.`;
    return Promise.resolve(verdict({ outcome: 'skipped', message, runningCalls }));
  }
  const reason = whyLeftAlone(server, params);
  if (reason !== undefined) return Promise.resolve(verdict({ outcome: 'skipped', message: reason }));
  const work = startAfresh(server, clock)
    .then(verdict)
    .finally(() => running.delete(server));
  running.set(server, work);
  return work;
}

/** Calls that would be ended, and must not be. */
function callsInTheWay(server: ServerRuntime, params: RecoverParams): number {
  if (params.server !== undefined || params.interruptCalls !== false || isLeftAlone(server)) return 0;
  return connectionsOf(server).reduce((all, { inFlight }) => all + inFlight, 0);
}

/** Why there is nothing to do for a server, or nothing that may be done. */
function whyLeftAlone(server: ServerRuntime, params: RecoverParams): string | undefined {
  const { state } = server;
  if (state === 'stopped') return 'It is disabled, or its settings cannot be used.';
  if (server.isIsolated) return 'It is isolated by hand; rejoin it to use it again.';
  if (params.server === undefined && isLeftAlone(server))
    return state === 'ready'
      ? 'It is healthy and was left alone.'
      : 'It is just being started and was left alone.';
  // Also what nobody uses: nothing is held against it when somebody does.
  server.forgetFailures();
  server.recovery.reset();
  const isUnused = connectionsOf(server).length === 0 || (state === 'idle' && params.server === undefined);
  return isUnused ? 'Nobody uses it now; it is started when it is needed.' : undefined;
}

/** Nothing is wrong with it, as far as is known. */
function isLeftAlone({ state, breaker, recovery }: ServerRuntime): boolean {
  if (breaker.state !== 'closed') return false;
  return state === 'ready' || (starts.has(state) && recovery.attempts === 0);
}

async function startAfresh(server: ServerRuntime, clock: Clock): Promise<Outcome> {
  const states = await Promise.all(
    connectionsOf(server).map((connection) => restartAndWait(connection, clock)),
  );
  if (states.every((state) => state === 'ready'))
    return { outcome: 'recovered', message: 'It was started afresh and answers.' };
  return { outcome: 'failed', message: server.snapshot.sentence };
}

/** Each once: several sessions may share one. */
function connectionsOf(server: ServerRuntime): Connection[] {
  return [...new Set([...server.sessions].flatMap((session) => session.connection ?? []))];
}

/** A start is under way. */
const starts: ReadonlySet<ConnectionState> = new Set(['connecting', 'initializing', 'probing']);

/** States in which an attempt has come to its end, or will never begin. */
const verdicts: ReadonlySet<ConnectionState> = new Set([
  'ready',
  'recovering',
  'crashLoop',
  'needsSignIn',
  'isolated',
  'idle',
  'stopped',
]);

/** Starts a connection afresh and answers the state in which that ended. */
function restartAndWait(connection: Connection, clock: Clock): Promise<ConnectionState> {
  return new Promise((resolve) => {
    const finish = (): void => {
      timer.dispose();
      subscription.dispose();
      resolve(connection.state);
    };
    const timer = clock.setTimer(VERDICT_TIMEOUT_MS, finish);
    const subscription = connection.onDidChange((state) => {
      if (verdicts.has(state)) finish();
    });
    connection.forceRestart();
  });
}
