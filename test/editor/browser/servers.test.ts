import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { scripted, scriptedServer } from '../../support/testEngine.ts';
import { InstalledEditor, until, type EditorWindow } from '../support/window.ts';

/** Looks like one, and belongs to nobody. */
const secret = 'sk-4f9a8b7c6d5e4f3a2b1c0d9e';

const input = (window: EditorWindow) => window.page.locator('.quick-input-widget:visible input.input');

/** Types a line into the open step and accepts it. */
async function answer(window: EditorWindow, text: string): Promise<void> {
  await input(window).fill(text);
  await window.page.keyboard.press('Enter');
}

/** What the open step says under its line. */
async function untilSaid(window: EditorWindow, pattern: RegExp): Promise<void> {
  const message = window.page.locator('.quick-input-widget:visible .quick-input-message');
  let last = '';
  try {
    await until(`the step says ${String(pattern)}`, async () => {
      last = await message.innerText();
      return pattern.test(last);
    });
  } catch (error) {
    throw new Error(`Last said: ${last}`, { cause: error });
  }
}

/** Presses a button of the notification that says this. */
async function pressButton(window: EditorWindow, says: string, button: string): Promise<void> {
  const toast = window.page.locator('.notifications-toasts .notification-list-item', { hasText: says });
  await toast.first().hover();
  await toast.first().getByRole('button', { name: button, exact: true }).click({ timeout: 15_000 });
}

const write = (path: string, text: string): void => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
};

describe('servers are added and imported', function () {
  this.timeout(120_000);
  let home: string;
  let editor: InstalledEditor;
  let window: EditorWindow;

  before(async function () {
    this.timeout(240_000);
    home = mkdtempSync(join(tmpdir(), 'lifeline-home-'));
    editor = await InstalledEditor.start(
      { 'mcpLifeline.servers': { existing: scripted() } },
      { HOME: home, USERPROFILE: home, CODEX_HOME: undefined, XDG_CONFIG_HOME: undefined },
    );
    window = await editor.openWindow();
    await window.untilStatus(/server/i);
  });
  after(async () => {
    await editor.stop();
    rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  });

  it('R12.4 the wizard checks what is typed, has a way back, and adds a server that can be started', async () => {
    const before = editor.settingsText();
    await window.runCommand('MCP Lifeline: Add Server…');
    await window.quickPickRows.first().waitFor();
    await window.screenshot('add-server-kind');
    await window.pick('URL');
    await untilSaid(window, /address of the server/);
    await input(window).fill('http://far.example/mcp');
    await untilSaid(window, /unencrypted/);
    await window.screenshot('add-server-url');
    await window.page
      .locator('.quick-input-titlebar:visible .action-label[aria-label^="Back"]')
      .first()
      .click();
    await window.pick('Command');
    await untilSaid(window, /as in a terminal/);
    await input(window).fill('no-such-program-anywhere --now');
    await untilSaid(window, /"no-such-program-anywhere" was not found/);
    await window.screenshot('add-server-command');
    await answer(window, `${process.execPath} ${scriptedServer} wizard`);
    await untilSaid(window, /environment variable/);
    await answer(window, 'no equals sign');
    await untilSaid(window, /NAME=value/);
    await answer(window, `API_TOKEN=${secret}`);
    await untilSaid(window, /So far: API_TOKEN/);
    await window.screenshot('add-server-env');
    await window.page.keyboard.press('Enter');
    await untilSaid(window, /name of the server/);
    assert.equal(await input(window).inputValue(), 'scripted');
    await input(window).fill('EXISTING');
    await untilSaid(window, /"existing" already/);
    await window.screenshot('add-server-name');
    await answer(window, 'added');
    await window.pick('Keep them in the secret storage of VS Code');
    await window.quickPickRows.first().waitFor();
    await window.screenshot('add-server-scope');
    await window.pick('User settings');
    await until('it is in the settings', () => editor.settingsText().includes('"added"'));
    const text = editor.settingsText();
    assert.ok(text.includes('${input:added-API_TOKEN}'), text);
    assert.ok(!text.includes(secret));
    await window.screenshot('add-server-done');
    await pressButton(window, 'Added one server: added', 'Start');
    await editor.untilProcess(/scripted\.mjs wizard\b/, 30_000);
    await window.runCommand('MCP Lifeline: Undo Import');
    await until('it is gone again', () => !editor.settingsText().includes('"added"'));
    await until('the settings are as they were', () => editor.settingsText() === before);
  });

  it('R1.2 an import changes nothing without consent, and Undo Import restores byte for byte', async () => {
    const folder = editor.folder('importing');
    const node = JSON.stringify(process.execPath);
    const sources = {
      [join(folder, '.mcp.json')]: `{"mcpServers": {"project": {"command": ${node}, "args": ["a.js"]}}}`,
      [join(home, '.cursor', 'mcp.json')]:
        `{"mcpServers": {"cursed": {"command": ${node}, "env": {"API_TOKEN": "${secret}"}}, "existing": {"url": "https://example.invalid/mcp"}}}`,
      [join(home, '.codex', 'config.toml')]: `# mine\n[mcp_servers.codexed]\ncommand = ${node}\n`,
      [join(home, '.codeium', 'windsurf', 'mcp_config.json')]: '{"mcpServers": {',
    };
    for (const [path, text] of Object.entries(sources)) write(path, text);
    const settings = join(folder, '.vscode', 'settings.json');
    const own = '{\r\n\t// mine, and to be kept\r\n\t"editor.tabSize": 3,\r\n}\r\n';
    write(settings, own);
    const user = editor.settingsText();
    const assertUnchanged = (): void => {
      assert.equal(readFileSync(settings, 'utf8'), own);
      assert.equal(editor.settingsText(), user);
      for (const [path, text] of Object.entries(sources)) assert.equal(readFileSync(path, 'utf8'), text);
    };
    const other = await editor.openWindow(folder);
    await other.untilStatus(/server/i);
    const choose = async (): Promise<void> => {
      await other.runCommand('MCP Lifeline: Import Servers…');
      await until('all are offered', async () => {
        const labels = (await other.quickPickLabels()).join('\n');
        return ['project', 'cursed', 'existing', 'codexed'].every((name) => labels.includes(name));
      });
      await other.screenshot('import-pick');
      const widget = other.page.locator('.quick-input-widget:visible');
      await widget.locator('.quick-input-header [role="checkbox"]').first().click({ timeout: 5_000 });
      await widget.locator('.quick-input-count', { hasText: '4' }).waitFor({ timeout: 5_000 });
      await input(other).focus();
      await other.page.keyboard.press('Enter');
      await other.pick('Keep them in the secret storage of VS Code');
      await other.page.locator('.monaco-diff-editor').first().waitFor();
    };
    await choose();
    assert.ok(
      (await other.page.locator('.notifications-toasts').innerText()).includes('mcp_config.json'),
      'the malformed file is told',
    );
    await other.screenshot('import-preview');
    await pressButton(other, 'takes it back', 'Cancel');
    await until(
      'the preview is closed',
      async () => (await other.page.locator('.monaco-diff-editor').count()) === 0,
    );
    assertUnchanged();

    await choose();
    await pressButton(other, 'takes it back', 'Apply');
    await until('both places have them', () => {
      const all = editor.settingsText();
      return (
        readFileSync(settings, 'utf8').includes('"project"') &&
        ['"cursed"', '"existing-2"', '"codexed"', '${input:cursed-API_TOKEN}'].every((part) =>
          all.includes(part),
        )
      );
    });
    assert.ok(readFileSync(settings, 'utf8').includes('// mine, and to be kept'));
    assert.ok(!editor.settingsText().includes(secret));
    await other.runCommand('MCP Lifeline: Undo Import');
    await until('everything is as it was', () => {
      assertUnchanged();
      return true;
    });
    await until('it is said', async () =>
      (await other.notifications()).some((text) => text.includes('One secret was deleted.')),
    );
  });
});
