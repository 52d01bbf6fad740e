import * as vscode from 'vscode';
import { DisposableStore, type Disposable } from '../../shared/base/disposable.ts';
import { commands, type CommandId } from '../../shared/contributions.ts';
import { actOnServer } from './actOnServer.ts';
import { adoptServer } from './adoptServer.ts';
import { giveBackServer } from './giveBackServer.ts';
import { importServers } from './importServers.ts';
import { undoImport } from './undoImport.ts';
import { clearInputs } from './clearInputs.ts';
import type { CommandContext } from './commandContext.ts';
import { enterInput } from './enterInput.ts';
import { forceRecovery } from './forceRecovery.ts';
import { forceRecoveryServer } from './forceRecoveryServer.ts';
import { getConnectionStatus } from './getConnectionStatus.ts';
import { mutedAlerts } from './mutedAlerts.ts';
import { openDashboard } from './openDashboard.ts';
import { restart } from './restart.ts';
import { showLog } from './showLog.ts';
import { showStatus } from './showStatus.ts';
import { verifyAudit } from './verifyAudit.ts';

type Handler = (context: CommandContext, argument: unknown) => unknown;

/** Every command of the manifest has its handler here, or this does not compile. */
const handlers: Record<CommandId, Handler> = {
  [commands.forceRecovery]: forceRecovery,
  [commands.forceRecoveryAll]: (context) => forceRecovery(context, undefined),
  [commands.forceRecoveryServer]: forceRecoveryServer,
  [commands.restart]: restart,
  [commands.resetBreaker]: (context, argument) => actOnServer(context, 'resetBreaker', argument),
  [commands.isolate]: (context, argument) => actOnServer(context, 'isolate', argument),
  [commands.rejoin]: (context, argument) => actOnServer(context, 'rejoin', argument),
  [commands.freePort]: (context, argument) => actOnServer(context, 'freePort', argument),
  [commands.acceptChange]: (context, argument) => actOnServer(context, 'acceptChange', argument),
  [commands.showStatus]: showStatus,
  [commands.openDashboard]: openDashboard,
  [commands.showLog]: showLog,
  [commands.verifyAudit]: verifyAudit,
  [commands.enterInput]: enterInput,
  [commands.clearInputs]: clearInputs,
  [commands.mutedAlerts]: mutedAlerts,
  [commands.importServers]: importServers,
  [commands.undoImport]: undoImport,
  [commands.adoptServer]: adoptServer,
  [commands.giveBackServer]: giveBackServer,
  [commands.getConnectionStatus]: getConnectionStatus,
};

/** Registers all commands; they answer from now on, with or without an engine. */
export function registerCommands(context: CommandContext): Disposable {
  const store = new DisposableStore();
  for (const [id, handler] of Object.entries(handlers)) {
    store.add(vscode.commands.registerCommand(id, (argument: unknown) => handler(context, argument)));
  }
  return store;
}
