import * as vscode from 'vscode';
import { toDisposable, type Disposable } from '../../shared/base/disposable.ts';
import type { Translate } from '../translate.ts';

const SCHEME = 'mcp-lifeline-preview';

export interface PreviewedFile {
  readonly title: string;
  readonly before: string;
  readonly after: string;
}

/** Shows what a change would make of files, and changes nothing (requirements R1.2, R1.7). */
export class Preview implements Disposable {
  readonly #texts = new Map<string, string>();
  readonly #registration: Disposable;
  readonly #t: Translate;
  #last = 0;

  constructor(t: Translate) {
    this.#t = t;
    this.#registration = vscode.workspace.registerTextDocumentContentProvider(SCHEME, {
      provideTextDocumentContent: (uri) => this.#texts.get(uri.toString()) ?? '',
    });
  }

  /** One diff for each file, and a question. Answers whether the change is wanted; the diffs are closed. */
  async confirm(question: string, files: readonly PreviewedFile[]): Promise<boolean> {
    const t = this.#t;
    this.#last += 1;
    const shown: vscode.Uri[] = [];
    const uriOf = (side: string, title: string, text: string): vscode.Uri => {
      const uri = vscode.Uri.from({ scheme: SCHEME, path: `/${this.#last}/${side}/${title}` });
      this.#texts.set(uri.toString(), text);
      shown.push(uri);
      return uri;
    };
    try {
      for (const [index, { title, before, after }] of files.entries())
        await vscode.commands.executeCommand(
          'vscode.diff',
          uriOf(`before${index}`, title, before),
          uriOf(`after${index}`, title, after),
          t('{0}: before and after', title),
          { preview: false },
        );
      const apply = t('Apply');
      const chosen = await vscode.window.showInformationMessage(question, apply, t('Cancel'));
      return chosen === apply;
    } finally {
      const isOurs = (tab: vscode.Tab): boolean =>
        tab.input instanceof vscode.TabInputTextDiff &&
        shown.some((uri) => uri.toString() === (tab.input as vscode.TabInputTextDiff).modified.toString());
      const tabs = vscode.window.tabGroups.all.flatMap((group) => group.tabs).filter(isOurs);
      await vscode.window.tabGroups.close(tabs);
      // What they showed may hold secrets.
      for (const uri of shown) this.#texts.delete(uri.toString());
    }
  }

  dispose(): void {
    this.#registration.dispose();
    toDisposable(() => this.#texts.clear()).dispose();
  }
}
