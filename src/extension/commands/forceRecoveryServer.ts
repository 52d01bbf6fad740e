import type { RecoverResult } from '../../shared/protocol/engineMessages.ts';
import { askServer } from './askServer.ts';
import type { CommandContext } from './commandContext.ts';
import { recoverServers } from './recoverServers.ts';
import { serverArgument } from './serverArgument.ts';

/** `mcpLifeline.forceRecoveryServer`: force recovery of one server, which is asked for unless it is given. */
export async function forceRecoveryServer(
  context: CommandContext,
  argument: unknown,
): Promise<RecoverResult | undefined> {
  const server =
    serverArgument(argument) ?? (await askServer(context, context.t('Select the server to recover')));
  return server === undefined ? undefined : recoverServers(context, { mode: 'recover', server });
}
