import * as vscode from 'vscode';
import type { Disposable } from '../../shared/base/disposable.ts';

const SCHEME = 'mcp-lifeline-diagnostics';

/** Where collected diagnostics are shown: kept nowhere but where the person saves them. */
export class DiagnosticsDocument implements Disposable {
  readonly #registration: Disposable;
  readonly #changed = new vscode.EventEmitter<vscode.Uri>();
  #text = '';

  constructor() {
    this.#registration = vscode.workspace.registerTextDocumentContentProvider(SCHEME, {
      onDidChange: this.#changed.event,
      provideTextDocumentContent: () => this.#text,
    });
  }

  /** Shows it, read-only. */
  async show(text: string): Promise<void> {
    this.#text = text;
    const uri = vscode.Uri.from({ scheme: SCHEME, path: '/MCP Lifeline Diagnostics.md' });
    this.#changed.fire(uri);
    const document = await vscode.workspace.openTextDocument(uri);
    await vscode.window.showTextDocument(document, { preview: false });
  }

  dispose(): void {
    this.#registration.dispose();
    this.#changed.dispose();
    this.#text = '';
  }
}
