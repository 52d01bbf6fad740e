import * as vscode from 'vscode';
import { canRun, type ServerView } from '../health/healthView.ts';
import { stillIcon } from '../health/themeIcon.ts';
import { healthIcon, healthWords, stateSentence } from '../health/words.ts';
import type { CommandContext } from './commandContext.ts';

interface ServerItem extends vscode.QuickPickItem {
  readonly server: string;
}

/** Which servers a command is for, and what is said when there is none among those that are configured. */
export interface Choice {
  readonly offers: (server: ServerView) => boolean;
  readonly none: string;
}

/**
 * Asks which server. `undefined` when the user thought better of it, or when there is none (which is said).
 * With a single server there is nothing to ask, unless it is one of several and was not meant.
 */
export async function askServer(
  context: CommandContext,
  placeHolder: string,
  choice?: Choice,
): Promise<string | undefined> {
  const { model, t } = context;
  const all = model.view.servers.filter(({ health }) => canRun(health));
  const servers = choice === undefined ? all : all.filter((server) => choice.offers(server));
  if (choice !== undefined && servers.length === 0 && all.length > 0) {
    void vscode.window.showInformationMessage(choice.none);
    return undefined;
  }
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
  if (all.length === 1) return only?.name;
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
