import type { RecoverResult } from '../../shared/protocol/engineMessages.ts';
import { askServer } from './askServer.ts';
import type { CommandContext } from './commandContext.ts';
import { recoverServers } from './recoverServers.ts';
import { serverArgument } from './serverArgument.ts';

/** `mcpLifeline.restart`: a fresh start of one server, healthy or not; asked for unless it is given. */
export async function restart(
  context: CommandContext,
  argument: unknown,
): Promise<RecoverResult | undefined> {
  const server =
    serverArgument(argument) ?? (await askServer(context, context.t('Select the server to restart')));
  return server === undefined ? undefined : recoverServers(context, { mode: 'restart', server });
}
