import * as vscode from 'vscode';
import { canRun, type ServerView } from '../health/healthView.ts';
import { stillIcon } from '../health/themeIcon.ts';
import { healthIcon, healthWords, stateSentence } from '../health/words.ts';
import type { CommandContext } from './commandContext.ts';

interface ServerItem extends vscode.QuickPickItem {
  readonly server: string;
}

/**
 * Asks which server. `undefined` when the user thought better of it, or when there is none (which is said).
 * With a single server there is nothing to ask.
 */
export async function askServer(context: CommandContext, placeHolder: string): Promise<string | undefined> {
  const { model, t } = context;
  const servers = model.view.servers.filter(({ health }) => canRun(health));
  if (servers.length === 0) {
    const openSettings = t('Open Settings');
    void vscode.window
      .showInformationMessage(t('No MCP servers are configured.'), openSettings)
      .then((chosen) => {
        if (chosen !== undefined) openServersSetting();
      });
    return undefined;
  }
  const [only] = servers;
  if (servers.length === 1) return only?.name;
  const items = servers.map((server) => itemOf(server, context));
  const picked = await vscode.window.showQuickPick(items, { placeHolder, matchOnDescription: true });
  return picked?.server;
}

export function openServersSetting(): void {
  void vscode.commands.executeCommand('workbench.action.openSettings', 'mcpLifeline.servers');
}

function itemOf(server: ServerView, { t }: CommandContext): ServerItem {
  const { snapshot } = server;
  return {
    iconPath: stillIcon(healthIcon(server.health)),
    label: server.name,
    description: healthWords(server, t),
    ...(snapshot === undefined ? {} : { detail: stateSentence(snapshot, t) }),
    server: server.name,
  };
}
