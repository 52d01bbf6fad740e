import { commands, type CommandId } from '../../shared/contributions.ts';
import { loaded } from '../loading.ts';
import { actOnServer } from './actOnServer.ts';
import { clearInputs } from './clearInputs.ts';
import type { CommandContext, SettingUpContext } from './commandContext.ts';
import { enterInput } from './enterInput.ts';
import { exportDiagnostics } from './exportDiagnostics.ts';
import { forceRecovery } from './forceRecovery.ts';
import { forceRecoveryServer } from './forceRecoveryServer.ts';
import { getStarted } from './getStarted.ts';
import { mutedAlerts } from './mutedAlerts.ts';
import { openDashboard } from './openDashboard.ts';
import { restart } from './restart.ts';
import type * as SettingUp from './settingUp.ts';
import { showLog } from './showLog.ts';
import { showStatus } from './showStatus.ts';
import { verifyAudit } from './verifyAudit.ts';

/** Runs one command. */
export type Handler = (context: CommandContext, argument: unknown) => unknown;

/** A command of those that set servers up. Their code is as much as half of the rest, and most windows never run it. */
function settingUp(
  choose: (library: typeof SettingUp) => (context: SettingUpContext, argument: unknown) => unknown,
): Handler {
  return async (context, argument) => {
    const [library, importing] = await Promise.all([
      loaded(import('./settingUp.ts'), context.t),
      context.importing(),
    ]);
    return choose(library)({ ...context, importing }, argument);
  };
}

/** Every other command of the manifest has its handler here, or this does not compile. */
export const handlers: Record<Exclude<CommandId, typeof commands.getConnectionStatus>, Handler> = {
  [commands.forceRecovery]: (context, argument) => forceRecovery(context, argument),
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
  [commands.exportDiagnostics]: exportDiagnostics,
  [commands.enterInput]: enterInput,
  [commands.clearInputs]: clearInputs,
  [commands.mutedAlerts]: mutedAlerts,
  [commands.getStarted]: getStarted,
  [commands.addServer]: settingUp((library) => library.addServer),
  [commands.importServers]: settingUp((library) => library.importServers),
  [commands.undoImport]: settingUp((library) => library.undoImport),
  [commands.adoptServer]: settingUp((library) => library.adoptServer),
  [commands.giveBackServer]: settingUp((library) => library.giveBackServer),
  [commands.enableServer]: settingUp((library) => library.enableServer),
  [commands.disableServer]: settingUp((library) => library.disableServer),
};
