import type { ServerAction, ServerActionResult } from '../../shared/protocol/engineMessages.ts';
import type { PortCare } from '../recovery/portCare.ts';
import type { ServerRegistry } from '../servers/serverRegistry.ts';
import type { ServerRuntime } from '../servers/serverRuntime.ts';

/** Carries out one action on one server. Answers what was done, or why not; never rejects for a server that is not there. */
export function actOnServer(
  registry: ServerRegistry,
  ports: PortCare,
  { server: name, action }: ServerAction,
): Promise<ServerActionResult> {
  const server = registry.find(name);
  if (server === undefined) {
    return Promise.resolve({
      done: false,
      message: `There is no server "${name}" in the settings of this window.`,
    });
  }
  if (action === 'freePort') return ports.free(server);
  return Promise.resolve(run(server, action));
}

function run(server: ServerRuntime, action: Exclude<ServerAction['action'], 'freePort'>): ServerActionResult {
  switch (action) {
    case 'resetBreaker':
      return resetBreaker(server);
    case 'acceptChange':
      return server.acceptChange()
        ? { done: true, message: `What "${server.name}" offers now counts as complete.` }
        : { done: false, message: `Nothing is missing from "${server.name}".` };
    case 'isolate':
      return isolate(server);
    case 'rejoin':
      return server.rejoin()
        ? { done: true, message: `"${server.name}" is in use again.` }
        : { done: false, message: `"${server.name}" is not isolated.` };
  }
}

function resetBreaker(server: ServerRuntime): ServerActionResult {
  if (server.isIsolated) {
    return { done: false, message: `"${server.name}" is isolated by hand; rejoin it to use it again.` };
  }
  const wasClosed = server.breaker.state === 'closed';
  server.forgetFailures();
  const message = wasClosed
    ? `The circuit breaker of "${server.name}" was closed; its failures are forgotten.`
    : `The circuit breaker of "${server.name}" is closed; calls go through again.`;
  return { done: true, message };
}

function isolate(server: ServerRuntime): ServerActionResult {
  if (server.config?.lifeline.enabled !== true)
    return { done: false, message: `"${server.name}" is disabled, or its settings cannot be used.` };
  return server.isolate()
    ? { done: true, message: `"${server.name}" is isolated: calls to it are refused until it is rejoined.` }
    : { done: false, message: `"${server.name}" is isolated already.` };
}
