import type { Clock } from '../../shared/base/clock.ts';
import type { ConnectionState } from '../../shared/model/connectionState.ts';
import type { RecoverParams, RecoverResult } from '../../shared/protocol/engineMessages.ts';
import type { ServerRegistry } from '../servers/serverRegistry.ts';
import type { ServerRuntime } from '../servers/serverRuntime.ts';
import type { Connection } from '../upstream/connection.ts';

type Verdict = RecoverResult['results'][number];

/** A verdict is given after this at the latest. */
const VERDICT_TIMEOUT_MS = 60_000;

/**
 * Force recovery (requirements R5.6): resets breaker and backoff, drops the connection, starts afresh, and reports what
 * became of each server. Without a name it leaves healthy and idle servers alone.
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
  return { results: await Promise.all(targets.map((target) => recoverOne(target, params, clock))) };
}

async function recoverOne(server: ServerRuntime, params: RecoverParams, clock: Clock): Promise<Verdict> {
  const startedAt = clock.now();
  const verdict = (outcome: Verdict['outcome'], message: string): Verdict => ({
    server: server.name,
    outcome,
    message,
    durationMs: Math.round(clock.now() - startedAt),
  });
  const connections = [...server.sessions].flatMap((session) => session.connection ?? []);
  const named = params.server !== undefined;
  if (server.state === 'stopped')
    return verdict('skipped', 'It is disabled, or its settings cannot be used.');
  if (server.isIsolated) return verdict('skipped', 'It is isolated by hand; rejoin it to use it again.');
  const healthy = server.state === 'ready' && server.breaker.state === 'closed';
  if (healthy && !named) return verdict('skipped', 'It is healthy and was left alone.');
  server.forgetFailures();
  if (connections.length === 0 || (server.state === 'idle' && !named)) {
    return verdict('skipped', 'Nobody uses it now; it is started when it is needed.');
  }
  const states = await Promise.all(connections.map((connection) => restartAndWait(connection, clock)));
  if (states.every((state) => state === 'ready'))
    return verdict('recovered', 'It was started afresh and answers.');
  return verdict('failed', server.snapshot.sentence);
}

/** States in which an attempt has come to its end. */
const verdicts: ReadonlySet<ConnectionState> = new Set([
  'ready',
  'recovering',
  'crashLoop',
  'needsSignIn',
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
