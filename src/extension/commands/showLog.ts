import * as vscode from 'vscode';
import { stillIcon } from '../health/themeIcon.ts';
import { healthIcon, healthWords } from '../health/words.ts';
import type { CommandContext } from './commandContext.ts';
import { serverArgument } from './serverArgument.ts';

interface LogItem extends vscode.QuickPickItem {
  readonly server: string | undefined;
}

/** `mcpLifeline.showLog`: a server's log; asked for unless it is given, the engine's being one of the choices. */
export async function showLog(context: CommandContext, argument: unknown): Promise<void> {
  const { logs, model, t } = context;
  const given = serverArgument(argument);
  const { servers } = model.view;
  if (given !== undefined || servers.length === 0) {
    logs.show(given);
    return;
  }
  const items: LogItem[] = [
    {
      iconPath: new vscode.ThemeIcon('pulse'),
      label: 'MCP Lifeline',
      description: t('engine and extension'),
      server: undefined,
    },
    ...servers.map((server) => ({
      iconPath: stillIcon(healthIcon(server.health)),
      label: server.name,
      description: healthWords(server, t),
      server: server.name,
    })),
  ];
  const picked = await vscode.window.showQuickPick(items, { placeHolder: t('Select the log to show') });
  if (picked !== undefined) logs.show(picked.server);
}
