import * as vscode from 'vscode';
import { DisposableStore, type Disposable } from '../../shared/base/disposable.ts';
import { commands, statusItemId } from '../../shared/contributions.ts';
import type { HealthModel } from '../health/healthModel.ts';
import type { HealthView } from '../health/healthView.ts';
import type { Translate } from '../translate.ts';
import { statusContent, type StatusContent } from './statusContent.ts';
import { tooltipCommands } from './statusTooltip.ts';

const backgrounds: Record<StatusContent['severity'], vscode.ThemeColor | undefined> = {
  normal: undefined,
  warning: new vscode.ThemeColor('statusBarItem.warningBackground'),
  error: new vscode.ThemeColor('statusBarItem.errorBackground'),
};

/** The one status bar item; a click shows the status. */
export class StatusItem implements Disposable {
  readonly #item: vscode.StatusBarItem;
  readonly #t: Translate;
  readonly #store = new DisposableStore();
  #shown: StatusContent | undefined;

  constructor(model: HealthModel, t: Translate) {
    this.#t = t;
    this.#item = this.#store.add(
      vscode.window.createStatusBarItem(statusItemId, vscode.StatusBarAlignment.Left, 0),
    );
    this.#item.name = t('MCP Lifeline: Server Health');
    this.#item.command = commands.showStatus;
    this.#store.add(model.onDidChange((view) => this.#show(view)));
    this.#show(model.view);
    this.#item.show();
  }

  dispose(): void {
    this.#store.dispose();
  }

  /** Touches only what differs: a tooltip that is set again closes under the user's pointer. */
  #show(view: HealthView): void {
    const next = statusContent(view, this.#t);
    const last = this.#shown;
    this.#shown = next;
    if (next.text !== last?.text) this.#item.text = next.text;
    if (next.severity !== last?.severity) this.#item.backgroundColor = backgrounds[next.severity];
    if (next.label !== last?.label) this.#item.accessibilityInformation = { label: next.label };
    if (next.tooltip !== last?.tooltip) {
      const tooltip = new vscode.MarkdownString(next.tooltip, true);
      tooltip.isTrusted = { enabledCommands: tooltipCommands };
      this.#item.tooltip = tooltip;
    }
  }
}
