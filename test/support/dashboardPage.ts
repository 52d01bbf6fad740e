import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { pageHtml, pageWords } from '../../src/extension/webview/pageHtml.ts';
import { untranslated, type Translate } from '../../src/extension/translate.ts';
import type { HostMessage, PageMessage } from '../../src/shared/protocol/dashboardMessages.ts';
import { projectRoot } from './testEngine.ts';

/** Nothing is asked of any network: the browser is answered by this process. */
const origin = 'http://dashboard.test';
const types: Readonly<Record<string, string>> = {
  'webview.js': 'text/javascript',
  'webview.css': 'text/css',
};

export interface ShownPageOptions {
  readonly width?: number;
  readonly height?: number;
  /** What the editor kept of the page that was there before. */
  readonly state?: unknown;
  /** Variables of the editor's theme, by name (`dashboardThemes`). */
  readonly theme?: Readonly<Record<string, string>>;
  /** As the editor sets it: `vscode-dark`, for example. */
  readonly bodyClass?: string;
  readonly language?: string;
  readonly t?: Translate;
  readonly context?: Parameters<Browser['newContext']>[0];
}

interface EditorSide {
  readonly sent: unknown[];
  state: unknown;
}

/** The built page of the dashboard as the editor shows it, with its CSP, and without the editor: the test is the host. */
export class ShownPage {
  readonly page: Page;
  readonly #context: BrowserContext;
  readonly #options: ShownPageOptions;

  private constructor(context: BrowserContext, page: Page, options: ShownPageOptions) {
    this.#context = context;
    this.page = page;
    this.#options = options;
  }

  static async open(browser: Browser, options: ShownPageOptions = {}): Promise<ShownPage> {
    const { width = 1_200, height = 900 } = options;
    const context = await browser.newContext({ viewport: { width, height }, ...options.context });
    const shown = new ShownPage(context, await context.newPage(), options);
    await shown.#load();
    return shown;
  }

  async #load(): Promise<void> {
    const { state, theme = {}, bodyClass = 'vscode-dark', language = 'en', t = untranslated } = this.#options;
    await this.page.addInitScript(
      ([kept, variables, name]) => {
        // What the page kept is there again after a reload, as in the editor.
        const saved = sessionStorage.getItem('state');
        const side: EditorSide = { sent: [], state: saved === null ? kept : JSON.parse(saved) };
        Object.assign(globalThis, {
          editorSide: side,
          acquireVsCodeApi: () => ({
            postMessage: (message: unknown) => side.sent.push(message),
            getState: () => side.state,
            setState: (next: unknown) => {
              side.state = next;
              sessionStorage.setItem('state', JSON.stringify(next));
            },
          }),
        });
        new MutationObserver((_records, observer) => {
          // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- It comes later than the root.
          if (document.body === null) return;
          observer.disconnect();
          document.body.className = name;
          for (const [key, value] of Object.entries(variables))
            document.documentElement.style.setProperty(key, value);
          // The editor's own background is behind the page.
          document.documentElement.style.background = 'var(--vscode-editor-background)';
        }).observe(document, { childList: true, subtree: true });
      },
      [state, theme, bodyClass] as const,
    );
    await this.page.route(`${origin}/**`, async (route) => {
      const name = new URL(route.request().url()).pathname.slice(1);
      const contentType = types[name];
      if (contentType !== undefined) {
        const body = readFileSync(join(projectRoot, 'dist', name), 'utf8');
        await route.fulfill({ contentType, body });
        return;
      }
      const [script, style] = Object.keys(types).map((file) => `${origin}/${file}`) as [string, string];
      const parts = { nonce: 'bm9uY2U=', script, style, language, title: t('MCP Lifeline Dashboard') };
      await route.fulfill({ contentType: 'text/html', body: pageHtml({ ...parts, words: pageWords(t) }) });
    });
    await this.page.goto(`${origin}/`);
    await this.page.locator('header').waitFor();
  }

  /** As the editor does when its window is loaded again, or the view is shown again. */
  async reload(): Promise<void> {
    await this.page.reload();
    await this.page.locator('header').waitFor();
  }

  /** Tells the page, as the host does: each message comes in a turn of its own. Done when the page has drawn it. */
  async post(...messages: readonly (HostMessage | object | null | string)[]): Promise<void> {
    await this.page.evaluate(
      async (all) => {
        for (const message of all) window.postMessage(message);
        const nextTurn = (): Promise<void> =>
          new Promise((resolve) => requestAnimationFrame(() => resolve()));
        for (let turn = 0; turn < 3; turn += 1) await nextTurn();
      },
      messages as readonly unknown[],
    );
  }

  /** What the page told its host since it was loaded. */
  async sent(): Promise<PageMessage[]> {
    return this.page.evaluate(
      () => (globalThis as unknown as { editorSide: EditorSide }).editorSide.sent as PageMessage[],
    );
  }

  /** What the page kept. */
  async state(): Promise<unknown> {
    return this.page.evaluate(() => (globalThis as unknown as { editorSide: EditorSide }).editorSide.state);
  }

  async close(): Promise<void> {
    await this.#context.close();
  }
}
