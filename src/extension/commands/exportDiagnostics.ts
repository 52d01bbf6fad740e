import * as vscode from 'vscode';
import type { CommandContext } from './commandContext.ts';
import { withLateProgress } from './lateProgress.ts';

/** `mcpLifeline.exportDiagnostics`: what helps to find a fault, without secrets, shown before it is saved. Needs no engine. */
export async function exportDiagnostics(context: CommandContext): Promise<void> {
  const { clock, diagnostics, t } = context;
  const text = await withLateProgress(context, t('Collecting diagnostics…'), (signal) =>
    diagnostics.collect(signal),
  );
  await diagnostics.show(text);
  const save = t('Save…');
  const message = t('These are the diagnostics, without secrets. Read them before you pass them on.');
  // Not waited for: a person reads first.
  void vscode.window
    .showInformationMessage(message, save, t('Copy'))
    .then(async (chosen) => {
      if (chosen === undefined) return;
      if (chosen !== save) {
        await vscode.env.clipboard.writeText(text);
        return;
      }
      const day = new Date(clock.wallNow()).toISOString().slice(0, 10);
      const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
      const name = `mcp-lifeline-diagnostics-${day}.md`;
      const target = await vscode.window.showSaveDialog({
        filters: { Markdown: ['md'] },
        ...(folder === undefined ? {} : { defaultUri: vscode.Uri.joinPath(folder, name) }),
      });
      if (target === undefined) return;
      await vscode.workspace.fs.writeFile(target, new TextEncoder().encode(text));
      void vscode.window.showInformationMessage(t('Saved as {0}.', target.fsPath));
    })
    .then(undefined, (error: unknown) => {
      const why = error instanceof Error ? error.message : String(error);
      void vscode.window.showErrorMessage(t('The diagnostics could not be saved: {0}', why));
    });
}
