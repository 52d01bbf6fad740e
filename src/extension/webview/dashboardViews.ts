import * as vscode from 'vscode';
import { DisposableStore, type Disposable } from '../../shared/base/disposable.ts';
import { views } from '../../shared/contributions.ts';
import type { Dashboard } from './dashboard.ts';

/** The dashboard's places in the editor, from the start; what shows it there is made when the first of them is opened. */
export class DashboardViews implements Disposable {
  readonly #dashboard: () => Promise<Dashboard>;
  readonly #store = new DisposableStore();

  constructor(dashboard: () => Promise<Dashboard>) {
    this.#dashboard = dashboard;
    this.#store.add(
      vscode.window.registerWebviewViewProvider(views.dashboard, {
        resolveWebviewView: (view) => this.#fill(view.webview, (made) => made.resolveWebviewView(view)),
      }),
    );
    this.#store.add(
      vscode.window.registerWebviewPanelSerializer(views.dashboard, {
        deserializeWebviewPanel: (panel) => this.#fill(panel.webview, (made) => made.restorePanel(panel)),
      }),
    );
  }

  /** Opens the editor tab, or shows the one that is there. */
  async open(): Promise<void> {
    (await this.#dashboard()).open();
  }

  dispose(): void {
    this.#store.dispose();
  }

  /** A page that could not be made says why in its place. */
  async #fill(webview: vscode.Webview, fill: (dashboard: Dashboard) => void): Promise<void> {
    try {
      fill(await this.#dashboard());
    } catch (error) {
      webview.html = plainPage(error instanceof Error ? error.message : String(error));
      throw error;
    }
  }
}

function plainPage(text: string): string {
  const escaped = text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
  const policy = `<meta http-equiv="Content-Security-Policy" content="default-src 'none'">`;
  return `<!DOCTYPE html><html lang="${vscode.env.language}"><head><meta charset="UTF-8">${policy}</head><body><p>${escaped}</p></body></html>`;
}
