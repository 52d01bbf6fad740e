import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import type { Clock } from '../../shared/base/clock.ts';
import { DisposableStore, type Disposable } from '../../shared/base/disposable.ts';
import { commands, settingsPrefix, views } from '../../shared/contributions.ts';
import {
  parsePageMessage,
  type NoticeAction,
  type HostMessage,
  type PageCommand,
} from '../../shared/protocol/dashboardMessages.ts';
import type { HealthModel } from '../health/healthModel.ts';
import type { HealthView } from '../health/healthView.ts';
import type { Translate } from '../translate.ts';
import { languageOf } from '../figures.ts';
import { DashboardFeed } from './dashboardFeed.ts';
import type { DashboardSource } from './dashboardSource.ts';
import { pageHtml, pageWords } from './pageHtml.ts';

export interface DashboardOptions {
  readonly clock: Clock;
  readonly source: DashboardSource;
  readonly model: HealthModel;
  readonly t: Translate;
  readonly extensionUri: vscode.Uri;
  readonly startEngine: () => void;
  readonly log: (message: string) => void;
}

/** The dashboard: a view in the side bar, and at most one editor tab with the same page. */
export class Dashboard implements Disposable {
  readonly #options: DashboardOptions;
  /** What belongs to the pages that are there. */
  readonly #pages = new Set<DisposableStore>();
  readonly #distFolder: vscode.Uri;
  #panel: vscode.WebviewPanel | undefined;

  constructor(options: DashboardOptions) {
    this.#options = options;
    this.#distFolder = vscode.Uri.joinPath(options.extensionUri, 'dist');
  }

  /** Opens the editor tab, or shows the one that is there. */
  open(): void {
    if (this.#panel !== undefined) {
      this.#panel.reveal();
      return;
    }
    const title = this.#options.t('MCP Lifeline Dashboard');
    const panel = vscode.window.createWebviewPanel(
      views.dashboard,
      title,
      vscode.ViewColumn.Active,
      this.#webviewOptions,
    );
    this.#takePanel(panel);
  }

  resolveWebviewView(view: vscode.WebviewView): void {
    view.webview.options = this.#webviewOptions;
    const feed = this.#serve(view.webview, (listener) => view.onDidDispose(listener));
    feed.setVisible(view.visible);
    feed.add(view.onDidChangeVisibility(() => feed.setVisible(view.visible)));
  }

  /** The tab of the window before its reload. */
  restorePanel(panel: vscode.WebviewPanel): void {
    panel.webview.options = this.#webviewOptions;
    this.#takePanel(panel);
  }

  dispose(): void {
    for (const page of this.#pages) page.dispose();
  }

  get #webviewOptions(): vscode.WebviewOptions {
    return { enableScripts: true, localResourceRoots: [this.#distFolder] };
  }

  #takePanel(panel: vscode.WebviewPanel): void {
    this.#panel = panel;
    const feed = this.#serve(panel.webview, (listener) => panel.onDidDispose(listener));
    feed.setVisible(panel.visible);
    feed.add(panel.onDidChangeViewState(() => feed.setVisible(panel.visible)));
    // Not with the page's own: those are gone when the panel tells that it is.
    panel.onDidDispose(() => {
      if (this.#panel === panel) this.#panel = undefined;
    });
  }

  /** Gives a webview its page, and feeds it until it goes. */
  #serve(
    webview: vscode.Webview,
    onDidDispose: (listener: () => void) => Disposable,
  ): Pick<DashboardFeed, 'setVisible'> & Pick<DisposableStore, 'add'> {
    const { clock, source, t } = this.#options;
    const store = new DisposableStore();
    this.#pages.add(store);
    // Answers false when nobody is there to read it: the page asks for everything when it is.
    const feed = store.add(
      new DashboardFeed(clock, source, { post: (message) => void webview.postMessage(message) }, t),
    );
    store.add(
      webview.onDidReceiveMessage((value: unknown) => {
        const message = parsePageMessage(value);
        if (message === undefined) this.#options.log('The dashboard sent a bad message; it was dropped.');
        else if (message.kind === 'ready') feed.postAll(message.range);
        else if (message.kind === 'range') feed.setRange(message.range);
        else {
          const onDone = (ask: number): void => {
            // It may have been closed meanwhile, and a webview that is gone throws.
            if (!store.isDisposed) void webview.postMessage({ kind: 'done', ask } satisfies HostMessage);
          };
          void this.#performFor(message, onDone);
        }
      }),
    );
    onDidDispose(() => {
      store.dispose();
      this.#pages.delete(store);
    });
    const inDist = (name: string): string =>
      webview.asWebviewUri(vscode.Uri.joinPath(this.#distFolder, name)).toString();
    webview.html = pageHtml({
      nonce: randomBytes(16).toString('base64'),
      script: inDist('webview.js'),
      style: inDist('webview.css'),
      language: languageOf(t),
      title: t('MCP Lifeline Dashboard'),
      words: pageWords(t),
    });
    return { setVisible: (isVisible) => feed.setVisible(isVisible), add: (item) => store.add(item) };
  }

  /** The page shows that something is under way until it is told that it is not any more, however it ended. */
  async #performFor({ ask, ...command }: PageCommand, onDone: (ask: number) => void): Promise<void> {
    try {
      await this.#perform(command);
    } catch (error) {
      // The command has told the person itself; only our own mistakes come here.
      this.#options.log(`What the dashboard asked for failed: ${String(error)}`);
    }
    if (ask !== undefined) onDone(ask);
  }

  #perform(message: PageCommand): Thenable<unknown> | undefined {
    switch (message.kind) {
      case 'forceRecovery':
        return this.#runFor(commands.forceRecovery, message.server);
      case 'showLog':
        return this.#runFor(commands.showLog, message.server);
      case 'act':
        return this.#runFor(commands[message.action], message.server);
      case 'forceRecoveryAll':
        return run(commands.forceRecoveryAll);
      case 'notice':
        return this.#act(message.action);
    }
  }

  #runFor(command: string, server: string): Thenable<unknown> | undefined {
    // A page that is a moment old may name a server that the settings do not have any more.
    if (this.#options.model.view.servers.some(({ name }) => name === server)) return run(command, server);
    this.#options.log('The dashboard named a server that is not configured; nothing was done.');
    return undefined;
  }

  #act(action: NoticeAction): Thenable<unknown> | undefined {
    switch (action) {
      case 'openSettings':
        return run('workbench.action.openSettings', settingsQuery(this.#options.model.view));
      case 'manageTrust':
        return run('workbench.trust.manage');
      case 'startEngine':
        this.#options.startEngine();
        return undefined;
    }
  }
}

/** Without servers it is them that are missing; else what needs attention may be any setting. */
function settingsQuery({ servers }: HealthView): string {
  return servers.length === 0 ? `${settingsPrefix}.servers` : settingsPrefix;
}

function run(command: string, ...args: unknown[]): Thenable<unknown> {
  return vscode.commands.executeCommand(command, ...args);
}
