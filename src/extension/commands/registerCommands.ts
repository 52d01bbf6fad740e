import * as vscode from 'vscode';
import { DisposableStore, type Disposable } from '../../shared/base/disposable.ts';
import { commands, type CommandId } from '../../shared/contributions.ts';
import { isLoadError, loadFirstUse } from '../loading.ts';
import type { CommandContext } from './commandContext.ts';
import { getConnectionStatus } from './getConnectionStatus.ts';

/** Registers all commands; they answer from now on, with or without an engine. Their code is loaded when the first of them is run. */
export function registerCommands(context: CommandContext): Disposable {
  const store = new DisposableStore();
  for (const id of Object.values(commands)) {
    store.add(vscode.commands.registerCommand(id, (argument: unknown) => run(id, context, argument)));
  }
  return store;
}

async function run(id: CommandId, context: CommandContext, argument: unknown): Promise<unknown> {
  // Others rely on its answer, whatever happens.
  if (id === commands.getConnectionStatus) return getConnectionStatus(context);
  try {
    const { handlers } = await loadFirstUse(context.t);
    return await handlers[id](context, argument);
  } catch (error) {
    // Most are run by buttons and rows of ours, whose errors nobody shows.
    if (!isLoadError(error)) throw error;
    tellLoadError(error, context);
    return undefined;
  }
}

function tellLoadError(error: Error, { t }: CommandContext): void {
  const reload = t('Reload Window');
  void vscode.window.showErrorMessage(error.message, reload).then((chosen) => {
    if (chosen === reload) void vscode.commands.executeCommand('workbench.action.reloadWindow');
  });
}
