import * as vscode from 'vscode';
import type { McpLifelineApi } from '../../api/mcp-lifeline.d.ts';
import { systemClock } from '../shared/base/clock.ts';
import { compose, type Extension } from './composition.ts';

let running: Extension | undefined;

/** Composes and returns the API for other extensions; nothing here waits for the engine. `undefined` when it could not start, which is shown. */
export function activate(context: vscode.ExtensionContext): McpLifelineApi | undefined {
  const startedAt = systemClock.now();
  const log = vscode.window.createOutputChannel('MCP Lifeline', { log: true });
  context.subscriptions.push(log);
  try {
    running = compose(context, log);
    context.subscriptions.push(running);
    log.info(`Activated in ${(systemClock.now() - startedAt).toFixed(1)} ms`);
    return running.api;
  } catch (error) {
    log.error(error instanceof Error ? error : String(error));
    const showLog = vscode.l10n.t('Show Log');
    void vscode.window
      .showErrorMessage(vscode.l10n.t('MCP Lifeline could not start. Its log says why.'), showLog)
      .then((chosen) => {
        if (chosen === showLog) log.show();
      });
    return undefined;
  }
}

/** Ends the connection to the engine, which stays for the next window; VS Code waits for what this returns. */
export async function deactivate(): Promise<void> {
  await running?.stop();
  running = undefined;
}
