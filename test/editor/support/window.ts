/**
 * For tests outside the extension host: a VS Code with the packed extension installed, opened in a browser and used as a
 * person would.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { openBrowser } from '../../../scripts/browser.mjs';
import { provideCodeServer } from '../../../scripts/codeServer.mjs';
import {
  installExtension,
  makeProfile,
  readSettings,
  startEditor,
  windowUrl,
  writeSettings,
} from '../../../scripts/editor.mjs';
import { exampleServers } from '../../../scripts/exampleServers.mjs';
import { vsixFile } from '../../../scripts/package.mjs';
import { onInterrupt } from '../../../scripts/processes.mjs';
import { extensionId, statusItemId } from '../../../src/shared/contributions.ts';
import { commandLine } from './processes.ts';
import { until } from './until.ts';

export { isRunning, killForSure } from './processes.ts';
export { until } from './until.ts';

/** Each window has one extension host of its own. */
export const extensionHostCommand = /--type=extensionHost/;

export const screenshotsFolder = join(import.meta.dirname, '..', '..', '..', 'test-results', 'screenshots');

/** The view container's title in the manifest. */
const containerTitle = 'MCP Lifeline';

/** Attribute selectors take ids with dots as they are. */
const byId = (id: string): string => `[id="${id}"]`;

type Settings = Readonly<Record<string, unknown>>;

/** Folders open in Restricted Mode, without a question. */
const trustSettings: Settings = {
  'security.workspace.trust.enabled': true,
  'security.workspace.trust.startupPrompt': 'never',
};

/** One VS Code server with its own user data and the extension installed from the VSIX. */
export class InstalledEditor {
  readonly #home: string;
  readonly #editor: Awaited<ReturnType<typeof startEditor>>;
  readonly #profile: ReturnType<typeof makeProfile>;
  readonly #browser: Browser;
  readonly #contexts: BrowserContext[] = [];
  #forget: () => void = () => undefined;

  private constructor(
    home: string,
    editor: Awaited<ReturnType<typeof startEditor>>,
    profile: ReturnType<typeof makeProfile>,
    browser: Browser,
  ) {
    this.#home = home;
    this.#editor = editor;
    this.#profile = profile;
    this.#browser = browser;
  }

  /**
   * @param settings user settings, over: no welcome, tools approved, and three real servers in `mcpLifeline.servers`
   * @param environment added to ours; `undefined` removes a variable
   * @param options other extensions (VSIX files) that are installed too; whether folders have to be trusted first
   */
  static async start(
    settings: Settings = {},
    environment: NodeJS.ProcessEnv = {},
    options: { readonly others?: readonly string[]; readonly workspaceTrust?: boolean } = {},
  ): Promise<InstalledEditor> {
    const { others = [], workspaceTrust = false } = options;
    const vsix = vsixFile();
    if (!existsSync(vsix)) throw new Error('There is no VSIX: run "npm run package" first');
    const home = mkdtempSync(join(tmpdir(), 'mcp-lifeline-test-'));
    const workspace = join(home, 'workspace');
    mkdirSync(workspace);
    const profile = makeProfile(home, {
      'chat.tools.global.autoApprove': true,
      'mcpLifeline.servers': exampleServers({ folder: workspace, memoryFile: join(home, 'memory.jsonl') }),
      ...(workspaceTrust ? trustSettings : {}),
      ...settings,
    });
    const root = await provideCodeServer();
    for (const file of [vsix, ...others]) await installExtension({ root, profile, vsix: file });
    const env = { ...environment, MCP_LIFELINE_HOME: join(home, 'lifeline') };
    const editor = await startEditor({ root, profile, env, workspaceTrust });
    try {
      const installed = new InstalledEditor(home, editor, profile, await openBrowser());
      installed.#forget = onInterrupt(() => installed.stop());
      return installed;
    } catch (error) {
      await editor.stop();
      throw error;
    }
  }

  /** Everything that came from this editor and is running, with its command line: extension hosts, engines, servers (Linux). */
  processes(): { readonly pid: number; readonly command: string }[] {
    return this.#editor.rest().map(({ pid }) => ({ pid, command: commandLine(pid) }));
  }

  /** The only process whose command line matches, once it runs; `extensionHostCommand`, for example. */
  async untilProcess(command: RegExp, limitMs = 15_000): Promise<number> {
    return until(
      `one process matches ${String(command)}`,
      () => {
        const found = this.processes().filter((info) => command.test(info.command));
        return found.length === 1 ? found[0]!.pid : undefined;
      },
      limitMs,
    );
  }

  /** Where the extension and its engine keep their files (`MCP_LIFELINE_HOME`). */
  get lifelineHome(): string {
    return join(this.#home, 'lifeline');
  }

  /** A folder of this editor's own; it is made when it does not exist. */
  folder(name = 'workspace'): string {
    const folder = join(this.#home, name);
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  /** The file of the user settings, as it stands. */
  settingsText(): string {
    return readFileSync(join(this.#profile.userData, 'User', 'settings.json'), 'utf8');
  }

  /**
   * Changes single user settings; `undefined` removes one. Without its native file watcher the editor does not notice:
   * an open window needs `reload()`.
   */
  changeSettings(changes: Settings): void {
    writeSettings(this.#profile, { ...readSettings(this.#profile), ...changes });
  }

  /**
   * Opens a folder in a window with a storage of its own, as another person's browser would.
   * @param language the editor's display language, as extensions are told; its own words stay English, for want of a language pack
   */
  async openWindow(folder = this.folder(), language?: string): Promise<EditorWindow> {
    const context = await this.#browser.newContext({ viewport: { width: 1400, height: 900 } });
    if (language !== undefined) {
      await context.addInitScript((id) => Object.assign(globalThis, { _VSCODE_NLS_LANGUAGE: id }), language);
    }
    this.#contexts.push(context);
    const page = await context.newPage();
    await page.goto(windowUrl(this.#editor, { folder }));
    const window = new EditorWindow(page);
    await window.untilReady();
    return window;
  }

  /**
   * Ends browser and server, and everything that came from them.
   * @param leaveDetached leaves the engine alone, to see that it ends by itself; call `stop()` again afterwards
   */
  async stop({ leaveDetached = false } = {}): Promise<void> {
    await Promise.allSettled(this.#contexts.map((context) => context.close()));
    await this.#browser.close();
    await this.#editor.stop({ leaveDetached });
    if (leaveDetached) return;
    this.#forget();
    rmSync(this.#home, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** One window of the editor. */
export class EditorWindow {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  /** Waits until the workbench can be used. */
  async untilReady(): Promise<void> {
    await this.page.locator(`.monaco-workbench ${byId('status.notifications')}`).waitFor({ timeout: 60_000 });
  }

  /** The extension's item in the status bar. */
  get statusItem(): Locator {
    return this.page.locator(byId(`${extensionId}.${statusItemId}`));
  }

  /** What a screen reader says of the status bar item. */
  async statusLabel(): Promise<string> {
    return (await this.statusItem.locator('[aria-label]').first().getAttribute('aria-label')) ?? '';
  }

  /** Waits until the status bar item's label matches. */
  async untilStatus(pattern: RegExp, limitMs = 30_000): Promise<string> {
    let last = 'no status bar item';
    try {
      await until(
        `the status bar item says ${String(pattern)}`,
        async () => {
          if ((await this.statusItem.count()) === 0) return false;
          last = await this.statusLabel();
          return pattern.test(last);
        },
        limitMs,
      );
      return last;
    } catch (error) {
      throw new Error(`Last seen: ${last}`, { cause: error });
    }
  }

  /** Points at the status bar item until its tooltip is open. */
  async openStatusTooltip(): Promise<Locator> {
    const tooltip = this.page.locator('.monaco-hover:visible', { hasText: containerTitle });
    // It opens when the pointer comes, not when it is there already.
    await this.page.mouse.move(700, 300);
    await this.statusItem.hover();
    await tooltip.waitFor();
    return tooltip;
  }

  /** Runs a command by its title from the command palette. */
  async runCommand(title: string): Promise<void> {
    const widget = this.page.locator('.quick-input-widget');
    const input = widget.locator('input');
    const isOffered = (label: string): boolean => label === title || label.startsWith(`${title},`);
    for (let attempt = 1; ; attempt += 1) {
      // One that is still being blended out takes no input, and takes the palette with it.
      await widget.waitFor({ state: 'hidden', timeout: 5_000 }).catch(() => undefined);
      try {
        await this.page.keyboard.press('F1');
        await input.fill(`>${title}`, { timeout: 5_000 });
        await until(
          `the palette offers ${title}`,
          async () => (await this.quickPickLabels()).some(isOffered),
          5_000,
        );
        await this.pick(title, 5_000);
        return;
      } catch (error) {
        if (attempt === 3) throw error;
        await this.page.keyboard.press('Escape');
      }
    }
  }

  /** Clicks the row with this label in the open quick pick, or in the next one that has it; `limitMs`: of the click. */
  async pick(title: string, limitMs = 15_000): Promise<void> {
    let label: string;
    try {
      // A label may go on after the title: a key binding, a description, the group that begins there.
      label = await until(`a quick pick offers ${title}`, async () =>
        (await this.quickPickLabels()).find(
          (candidate) => candidate === title || candidate.startsWith(`${title},`),
        ),
      );
    } catch (error) {
      throw new Error(`The quick pick offers: ${(await this.quickPickLabels()).join(' | ')}`, {
        cause: error,
      });
    }
    // By its label, not its place: more rows may come in before the click.
    await this.page
      .locator(`.quick-input-list .monaco-list-row[aria-label=${JSON.stringify(label)}]`)
      .click({ timeout: limitMs });
  }

  /** Starts a server as a person does, in VS Code's own list of MCP servers. Does not wait for it. */
  async startServer(name: string): Promise<void> {
    await this.runCommand('MCP: List Servers');
    await this.pick(name);
    await this.pick('Start Server');
    // While it is blended out, whatever is opened next would go with it.
    await this.page.locator('.quick-input-widget').waitFor({ state: 'hidden' });
  }

  /** What a screen reader says of each row that a quick pick shows now. */
  async quickPickLabels(): Promise<string[]> {
    return this.quickPickRows.evaluateAll((rows) => rows.map((row) => row.getAttribute('aria-label') ?? ''));
  }

  /** The rows that a quick pick shows now; a closed one keeps its rows, out of sight. */
  get quickPickRows(): Locator {
    return this.page.locator('.quick-input-widget:visible .quick-input-list .monaco-list-row');
  }

  /** Opens the extension's view container, unless it is open. */
  async showContainer(): Promise<void> {
    const item = this.page.locator('.activitybar .action-item').filter({
      has: this.page.locator(`a[aria-label^="${containerTitle}"]`),
    });
    await item.waitFor();
    // A click on the open container would close it.
    // Not its link, which a badge lies over.
    if (!/\bchecked\b/.test((await item.getAttribute('class')) ?? '')) await item.click();
  }

  /** Opens the container and waits for the tree, which is there when servers are configured. */
  async showServersView(): Promise<void> {
    await this.showContainer();
    await this.#tree().waitFor();
  }

  #tree(): Locator {
    return this.page.locator(`.sidebar .pane-body .monaco-list`).first();
  }

  /** Label and description of each visible row of the servers tree. */
  async treeRows(): Promise<string[]> {
    await this.showServersView();
    const rows = await this.#tree().locator('.monaco-list-row').all();
    return Promise.all(rows.map(async (row) => (await row.getAttribute('aria-label')) ?? ''));
  }

  /** Clicks an inline action of a server's row. */
  async clickRowAction(server: string, action: string): Promise<void> {
    await this.showServersView();
    const row = this.#tree().locator(`.monaco-list-row[aria-label^="${server}"]`);
    await row.hover();
    await row.locator(`.action-label[aria-label="${action}"]`).click();
  }

  /** What the notification center holds, also when its toast has gone. */
  async notifications(): Promise<string[]> {
    const center = this.page.locator('.notifications-center.visible');
    if (!(await center.isVisible())) await this.page.locator(byId('status.notifications')).click();
    // It closes by itself when its last one goes.
    await center.waitFor({ timeout: 2_000 }).catch(() => undefined);
    // All in one step: rows come and go.
    return center
      .locator('.monaco-list-row[aria-label]')
      .evaluateAll((rows) => rows.map((row) => row.getAttribute('aria-label') ?? ''));
  }

  /** Reloads the window by the editor's command: reloaded by the browser it loses what extensions saved in the last seconds. */
  async reload(): Promise<void> {
    const loaded = this.page.waitForEvent('load', { timeout: 60_000 });
    await Promise.all([loaded, this.runCommand('Developer: Reload Window')]);
    await this.untilReady();
  }

  /** Saves a picture as test-results/screenshots/<name>.png. */
  async screenshot(name: string): Promise<void> {
    mkdirSync(screenshotsFolder, { recursive: true });
    await this.page.screenshot({ path: join(screenshotsFolder, `${name}.png`) });
  }
}
