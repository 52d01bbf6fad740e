import type { RecoverResult } from '../../shared/protocol/engineMessages.ts';
import type { CommandContext } from './commandContext.ts';
import { recoverServers } from './recoverServers.ts';
import { serverArgument } from './serverArgument.ts';

/**
 * `mcpLifeline.forceRecovery`: resets breaker and backoff and starts afresh, the named server, or, without a name,
 * all but the healthy and idle ones. Answers the result per server; `undefined` when nothing was done. `who`: see `recoverServers`.
 */
export function forceRecovery(
  context: CommandContext,
  argument: unknown,
  who?: string,
): Promise<RecoverResult | undefined> {
  const server = serverArgument(argument);
  return recoverServers(context, { mode: 'recover', ...(server === undefined ? {} : { server }) }, who);
}
