import type { ConnectionState } from '../../shared/model/connectionState.ts';
import { Fault } from '../../shared/model/fault.ts';

/** Why calls fail at once in a state in which nothing can be waited for. */
export function unusableFault(
  server: string,
  connection: {
    readonly state: ConnectionState;
    readonly diagnosis: string;
    readonly nextAttemptInMs: number | undefined;
    readonly lastFault?: Fault | undefined;
  },
): Fault {
  const { state, diagnosis, nextAttemptInMs: retryAfterMs = 0 } = connection;
  if (state === 'crashLoop') {
    const text =
      `The MCP server "${server}" keeps failing, so the call was not carried out. ${diagnosis} ` +
      `It is tried again in ${Math.ceil(retryAfterMs / 1_000)} s; "MCP Lifeline: Force Recovery" tries at once.`;
    return new Fault('crashLoop', text, { server, retryAfterMs, diagnosis });
  }
  if (state === 'needsSignIn' && Fault.is(connection.lastFault, 'inputNeeded')) return connection.lastFault;
  if (state === 'needsSignIn')
    return new Fault('authRequired', `${diagnosis} "MCP Lifeline: Force Recovery" tries again.`, { server });
  if (state === 'isolated') {
    const text = `The MCP server "${server}" is isolated by hand; the call was not carried out. Rejoin it to use it again.`;
    return new Fault('isolated', text, { server });
  }
  const text = `The MCP server "${server}" is stopped; the call was not carried out.`;
  return new Fault('stopped', text, { server });
}

/** The way to a server could not even be tried. */
export function notOpenedFault(server: string, error: unknown): Fault {
  const why = error instanceof Error ? error.message : String(error);
  const text = `The MCP server "${server}" could not be started: ${why}`;
  return new Fault('spawnFailed', text, { server, cause: error });
}

/** A person asked for a fresh start while calls ran, or changed how it is started; the way of its end says nothing about the server. */
export function restartedFault(server: string, why: 'byHand' | 'settings'): Fault {
  const how = why === 'byHand' ? 'was restarted by hand' : 'was restarted with new settings';
  const text = `The MCP server "${server}" ${how} while the call was under way.`;
  return new Fault('exited', text, { server });
}
