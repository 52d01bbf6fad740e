import * as vscode from 'vscode';
import { viewNow } from '../health/viewNow.ts';
import { canRun, type ServerView } from '../health/healthView.ts';
import { stillIcon } from '../health/themeIcon.ts';
import { healthIcon, healthWords } from '../health/words.ts';
import { FileTrouble } from '../import/files.ts';
import { findEntry, switchEntry, type EntryScope, type Undo } from '../import/switchAccess.ts';
import type { Translate } from '../translate.ts';
import type { SettingUpContext } from './commandContext.ts';
import { interruptedServers, interruptionQuestion } from './recoveryWords.ts';
import { serverArgument } from './serverArgument.ts';

/**
 * `mcpLifeline.enableServer`, `mcpLifeline.disableServer` (requirements R12.2): writes `lifeline.enabled` into the server's entry, in the settings that it stands
 * in, and offers to take it back; asks which server unless it is given, and before running calls are ended. Works without an engine. Answers whether anything was written.
 */
export function enableServer(context: SettingUpContext, argument: unknown): Promise<boolean> {
  return switchServer(context, argument, true);
}

export function disableServer(context: SettingUpContext, argument: unknown): Promise<boolean> {
  return switchServer(context, argument, false);
}

async function switchServer(
  context: SettingUpContext,
  argument: unknown,
  enabled: boolean,
): Promise<boolean> {
  const { importing, model, t } = context;
  const name = serverArgument(argument) ?? (await ask(context, enabled));
  if (name === undefined) return false;
  const server = model.view.servers.find((one) => one.name === name);
  if (server === undefined) {
    void vscode.window.showWarningMessage(t('No MCP server is called "{0}".', name));
    return false;
  }
  if ((server.health !== 'disabled') === enabled) {
    void vscode.window.showInformationMessage(
      enabled ? t('"{0}" is enabled already.', name) : t('"{0}" is disabled already.', name),
    );
    return false;
  }
  if (!enabled && !(await mayEndCalls(context, name))) return false;
  try {
    const place = findEntry(name);
    if (place === undefined) throw new FileTrouble(t('no settings have it any more.'));
    const undo = await switchEntry(name, place, { enabled, userFolder: importing.userFolder });
    tell(context, { name, enabled, scope: place.scope, undo });
    return true;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const openSettings = t('Open Settings');
    void vscode.window
      .showWarningMessage(t('"{0}" was left as it is: {1}', name, why), openSettings)
      .then((chosen) => {
        if (chosen === openSettings)
          void vscode.commands.executeCommand('workbench.action.openSettings', 'mcpLifeline.servers');
      });
    return false;
  }
}

/** What is running ends with the server. */
async function mayEndCalls(context: SettingUpContext, name: string): Promise<boolean> {
  const { t } = context;
  const [busy] = interruptedServers(await viewNow(context), { mode: 'restart', server: name });
  if (busy === undefined) return true;
  const disable = t('Disable');
  const detail = t(
    'A server that is disabled is stopped. Whoever waits for an answer gets an error instead, which cannot always tell whether the call was carried out.',
  );
  const { message } = interruptionQuestion([busy], t);
  return (await vscode.window.showWarningMessage(message, { modal: true, detail }, disable)) === disable;
}

function tell(
  context: SettingUpContext,
  done: {
    readonly name: string;
    readonly enabled: boolean;
    readonly scope: EntryScope;
    readonly undo: Undo;
  },
): void {
  const { t } = context;
  const { name, enabled, scope, undo } = done;
  const where = scopeWords(scope, t);
  const message = enabled
    ? t('"{0}" is enabled ({1}).', name, where)
    : t('"{0}" is disabled ({1}): VS Code does not see it until it is enabled again.', name, where);
  const takeBack = t('Undo');
  void vscode.window.showInformationMessage(message, takeBack).then(async (chosen) => {
    if (chosen !== takeBack) return;
    const isUndone = await undo().catch(() => false);
    // Somebody has changed the settings since: then only this is changed.
    if (!isUndone) await switchServer(context, name, !enabled);
  });
}

export function scopeWords(scope: EntryScope, t: Translate): string {
  switch (scope) {
    case 'user':
      return t('user settings');
    case 'machine':
      return t('settings of the remote machine');
    case 'workspace':
      return t('workspace settings');
    case 'folder':
      return t('settings of a folder');
  }
}

async function ask({ model, t }: SettingUpContext, enabled: boolean): Promise<string | undefined> {
  const isOffered = ({ health }: ServerView): boolean => (enabled ? health === 'disabled' : canRun(health));
  const servers = model.view.servers.filter(isOffered);
  if (servers.length === 0) {
    void vscode.window.showInformationMessage(
      enabled ? t('No MCP server is disabled.') : t('There is no MCP server to disable.'),
    );
    return undefined;
  }
  const items = servers.map((server) => ({
    iconPath: stillIcon(healthIcon(server.health)),
    label: server.name,
    description: healthWords(server, t),
  }));
  const placeHolder = enabled ? t('Select the server to enable') : t('Select the server to disable');
  return (await vscode.window.showQuickPick(items, { placeHolder }))?.label;
}
