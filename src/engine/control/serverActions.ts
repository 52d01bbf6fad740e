import type { ServerAction, ServerActionResult } from '../../shared/protocol/engineMessages.ts';
import type { ServerRegistry } from '../servers/serverRegistry.ts';
import type { ServerRuntime } from '../servers/serverRuntime.ts';

/** Carries out one action on one server. Answers what was done, or why not; never rejects for a server that is not there. */
export function actOnServer(
  registry: ServerRegistry,
  { server: name, action }: ServerAction,
): Promise<ServerActionResult> {
  const server = registry.find(name);
  if (server === undefined) {
    return Promise.resolve({
      done: false,
      message: `There is no server "${name}" in the settings of this window.`,
    });
  }
  return Promise.resolve(run(server, action));
}

function run(server: ServerRuntime, action: ServerAction['action']): ServerActionResult {
  switch (action) {
    case 'resetBreaker':
      server.breaker.reset();
      return { done: true, message: `The circuit breaker of "${server.name}" is closed.` };
    case 'acceptChange':
      return server.acceptChange()
        ? { done: true, message: `What "${server.name}" offers now counts as complete.` }
        : { done: false, message: `Nothing is missing from "${server.name}".` };
    case 'isolate':
    case 'rejoin':
    case 'freePort':
      return { done: false, message: `There is nothing to do for "${server.name}".` };
  }
}
