import * as vscode from 'vscode';
import { DisposableStore, type Disposable } from '../../shared/base/disposable.ts';
import type { HealthModel } from '../health/healthModel.ts';
import type { Translate } from '../translate.ts';
import { statusReport } from './statusReport.ts';

const scheme = 'mcp-lifeline';
const uri = vscode.Uri.from({ scheme, path: '/MCP Lifeline.md' });

/** The status report as a read-only document that follows what happens while it is open. */
export class StatusDocument implements Disposable {
  readonly #store = new DisposableStore();

  constructor(model: HealthModel, t: Translate) {
    const changed = this.#store.add(new vscode.EventEmitter<vscode.Uri>());
    this.#store.add(
      vscode.workspace.registerTextDocumentContentProvider(scheme, {
        onDidChange: changed.event,
        provideTextDocumentContent: () => statusReport(model.view, t),
      }),
    );
    this.#store.add(model.onDidChange(() => changed.fire(uri)));
  }

  dispose(): void {
    this.#store.dispose();
  }
}

/** Opens the report, rendered where the editor can do that, else as text. */
export async function openStatusDocument(): Promise<void> {
  try {
    await vscode.commands.executeCommand('markdown.showPreview', uri);
  } catch {
    // The Markdown preview is an extension too, and may be switched off.
    await vscode.window.showTextDocument(uri, { preview: true });
  }
}
