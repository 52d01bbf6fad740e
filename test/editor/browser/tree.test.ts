import assert from 'node:assert/strict';
import { mkdtempSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endpointsFolder } from '../../../src/endpoint/location.ts';
import { LineClient } from '../../support/lineClient.ts';
import { bridgePath, scripted } from '../../support/testEngine.ts';
import { InstalledEditor, until, type EditorWindow } from '../support/window.ts';

const focusCommand = {
  en: 'MCP Lifeline: Focus on Servers View',
  'pt-br': 'MCP Lifeline: Focus on Servidores View',
};

describe('the tree of servers', function () {
  this.timeout(240_000);
  let editor: InstalledEditor;
  let folder: string;
  let trap: string;
  let shown: EditorWindow | undefined;
  const bridges: LineClient[] = [];

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'mcp-lifeline-trap-'));
    // While it is there, the server ends as soon as it is started.
    trap = join(folder, 'trap');
    editor = await InstalledEditor.start({
      'mcpLifeline.servers': {
        weather: scripted({ EXIT_IF: trap }, { tier: 'critical' }),
        notes: scripted(
          {},
          { watch: [{ name: 'process', tool: 'pid', path: '$', every: 1, max: 1, repeatable: true }] },
        ),
        resting: scripted({}, { enabled: false }),
      },
    });
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await shown?.screenshot('tree-failed');
    rmSync(trap, { force: true });
  });
  after(async () => {
    rmSync(folder, { recursive: true, force: true });
    await Promise.all(bridges.map((bridge) => bridge.close()));
    await editor.stop();
  });

  function windowIds(): string[] {
    try {
      return readdirSync(endpointsFolder(editor.lifelineHome))
        .filter((name) => name.endsWith('.json'))
        .map((name) => name.slice(0, -'.json'.length));
    } catch {
      return []; // no engine has been started yet
    }
  }

  /** A window in which one server works and another one keeps failing. */
  async function open(folderName: string, language?: string): Promise<EditorWindow> {
    writeFileSync(trap, '');
    const known = new Set(windowIds());
    const window = await editor.openWindow(editor.folder(folderName), language);
    shown = window;
    const id = await until('the window has an engine', () => windowIds().find((name) => !known.has(name)));
    for (const server of ['notes', 'weather']) {
      const client = new LineClient(process.execPath, [bridgePath, '--server', server, '--window', id], {
        env: { ...process.env, MCP_LIFELINE_HOME: editor.lifelineHome },
      });
      bridges.push(client);
      await client.initialize();
      if (server === 'weather') continue;
      for (let call = 0; call < 5; call += 1) await client.call('echo', { key: 'x' });
    }
    await untilRow(window, /^weather, (keeps failing|continua falhando)/);
    // Rows out of sight are not there: the tree gets the whole height.
    await window.page.locator('.sidebar .pane-header').nth(1).click();
    return window;
  }

  async function untilRow(window: EditorWindow, pattern: RegExp, limitMs = 60_000): Promise<string> {
    let last: string[] = [];
    try {
      return await until(
        `a row says ${String(pattern)}`,
        async () => {
          last = await window.treeRows();
          return last.find((row) => pattern.test(row));
        },
        limitMs,
      );
    } catch (error) {
      throw new Error(`Last seen: ${last.join(' | ')}`, { cause: error });
    }
  }

  const focused = (window: EditorWindow) =>
    window.page.locator('.sidebar .pane-body .monaco-list:focus .monaco-list-row.focused').first();

  /** Moves down from the first row until the focused one says it. */
  async function goTo(window: EditorWindow, pattern: RegExp, moves = 40): Promise<void> {
    await window.page.locator('.sidebar .pane-body .monaco-list:focus').waitFor();
    await window.page.keyboard.press('Home');
    await focused(window).waitFor();
    const said: string[] = [];
    for (let move = 0; move < moves; move += 1) {
      const label = (await focused(window).getAttribute('aria-label')) ?? '';
      if (pattern.test(label)) return;
      said.push(label);
      await window.page.keyboard.press('ArrowDown');
    }
    assert.fail(`the keyboard never came to ${String(pattern)}: ${said.join(' | ')}`);
  }

  /** Opens a server's row with the keyboard. */
  async function openServer(
    window: EditorWindow,
    name: string,
    language: 'en' | 'pt-br' = 'en',
  ): Promise<void> {
    await window.showServersView();
    await window.runCommand(focusCommand[language]);
    await goTo(window, new RegExp(`^${name}, `));
    await window.page.keyboard.press('ArrowRight');
  }

  async function sideBarWidth(window: EditorWindow, width: number): Promise<void> {
    const { page } = window;
    const box = await page.locator('.part.sidebar').boundingBox();
    assert.ok(box !== null);
    await page.mouse.move(box.x + box.width, box.y + 200);
    await page.mouse.down();
    await page.mouse.move(box.x + width, box.y + 200, { steps: 5 });
    await page.mouse.up();
    await page.mouse.move(900, 500);
  }

  it('R12.2 groups by tier, and tells state, connection, figures and fix to a screen reader', async () => {
    const window = await open('told');
    const rows = await window.treeRows();
    assert.ok(
      rows.some((row) => row === 'Critical tier, 1 of 1 needs attention'),
      rows.join(' | '),
    );
    assert.ok(
      rows.some((row) => row === 'Medium tier, 2 servers'),
      rows.join(' | '),
    );
    assert.ok(rows.some((row) => row === 'resting, disabled'));
    await openServer(window, 'notes');
    for (const pattern of [
      /^Alert: .*process/,
      /^Connection: connected · stdio · since /,
      /^Uptime: 100\s*%/,
      /^Breaker: closed$/,
      /^Places: 0 of 10 in use$/,
      /^Queue: empty$/,
      /^Tools: \d+ · /,
      /^Latency: p50 /,
      /^Calls: \d+ in all/,
      /^process: \d+, above 1$/,
    ])
      await untilRow(window, pattern, 15_000);
    await window.screenshot('tree-light');
    const badge = window.page.locator('.activitybar .action-item', {
      has: window.page.locator('a[aria-label^="MCP Lifeline"]'),
    });
    const label = await badge.locator('a').getAttribute('aria-label');
    assert.match(label ?? '', /One server needs attention: weather/);
    await window.page.keyboard.press('ArrowLeft');
    await openServer(window, 'weather');
    await untilRow(window, /^Fix: Force Recovery$/);
    await untilRow(window, /^Last error: /);
    await window.runCommand('Preferences: Toggle between Light/Dark Themes');
    await window.page.waitForTimeout(500);
    await window.screenshot('tree-dark');
    await sideBarWidth(window, 200);
    await window.screenshot('tree-200');
    await window.runCommand(focusCommand.en);
    await goTo(window, /^weather, /);
    await window.screenshot('tree-200-focused');
    await window.runCommand('Preferences: Toggle between Light/Dark Themes');
  });

  it('R12.2 R5.6 recovers a server with the keyboard alone, and keeps what is open', async () => {
    const window = await open('keyboard');
    await openServer(window, 'weather');
    await untilRow(window, /^Fix: Force Recovery$/);
    rmSync(trap);
    await goTo(window, /^Fix: Force Recovery$/);
    await window.page.keyboard.press('Enter');
    await untilRow(window, /^weather, (healthy|idle)/);
    // It is open still.
    await untilRow(window, /^Connection: connected/);
    await until('there is nothing to fix any more', async () => {
      const rows = await window.treeRows();
      return !rows.some((row) => row.startsWith('Fix:'));
    });
    await untilRow(window, /^Critical tier, one server$/);
    await window.screenshot('tree-recovered');
  });

  it('R12.2 disables and enables a server where its entry stands, keeps comments, and takes it back', async () => {
    const own = `{
  // of the team
  "mcpLifeline.servers": {
    "local": { // and here too
      "command": ${JSON.stringify(process.execPath)},
      "args": ${JSON.stringify(scripted().args)}
    }
  }
}
`;
    const root = editor.folder('switched');
    const settings = join(root, '.vscode', 'settings.json');
    mkdirSync(join(root, '.vscode'));
    writeFileSync(settings, own);
    const user = editor.settingsText();
    const window = await open('switched');
    await untilRow(window, /^local, idle/);
    await window.clickRowAction('local', 'Disable Server');
    await untilRow(window, /^local, disabled$/);
    assert.match(readFileSync(settings, 'utf8'), /\/\/ of the team[^]*\/\/ and here too[^]*"enabled": false/);
    assert.equal(editor.settingsText(), user);
    await window.screenshot('tree-disabled');
    const toast = window.page.locator('.notifications-toasts .notification-list-item', {
      hasText: '"local"',
    });
    await toast.first().hover();
    await toast.first().getByRole('button', { name: 'Undo', exact: true }).click({ timeout: 15_000 });
    await untilRow(window, /^local, idle/);
    await until('the file is as it was', () => readFileSync(settings, 'utf8') === own);

    await window.clickRowAction('resting', 'Enable Server');
    await untilRow(window, /^resting, idle/);
    assert.ok(!editor.settingsText().includes('"enabled"'));
    // The same from the palette.
    await window.runCommand('MCP Lifeline: Disable Server');
    await window.pick('resting');
    await untilRow(window, /^resting, disabled$/);
    assert.deepEqual(JSON.parse(editor.settingsText()), JSON.parse(user));
  });

  it('R1.5 R12.2 speaks Portuguese', async () => {
    const window = await open('arvore', 'pt-br');
    await openServer(window, 'weather', 'pt-br');
    await untilRow(window, /^Corrigir: Forçar Recuperação$/);
    await untilRow(window, /^Nível crítico, 1 de 1 precisa de atenção$/);
    await window.screenshot('tree-portuguese');
    await sideBarWidth(window, 200);
    await window.screenshot('tree-portuguese-200');
  });
});
