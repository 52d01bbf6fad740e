import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Locator } from 'playwright-core';
import { endpointsFolder } from '../../../src/endpoint/location.ts';
import { LineClient } from '../../support/lineClient.ts';
import { bridgePath, enginePath, scripted } from '../../support/testEngine.ts';
import { InstalledEditor, until, type EditorWindow } from '../support/window.ts';

describe('notifications of alerts', function () {
  this.timeout(240_000);
  const names = ['notes', 'weather', 'maps', 'steady'];
  let editor: InstalledEditor;
  let folder: string;
  let shown: EditorWindow | undefined;
  const bridges: LineClient[] = [];

  before(async function () {
    this.timeout(240_000);
    folder = mkdtempSync(join(tmpdir(), 'mcp-lifeline-trap-'));
    editor = await InstalledEditor.start({
      'mcpLifeline.servers': Object.fromEntries(
        names.map((name) => [name, scripted({ EXIT_IF: trapOf(name) })]),
      ),
      // What is asked here is one notification per server, and Φ is about all of them.
      'mcpLifeline.alerts.continuity.enabled': false,
    });
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await shown?.screenshot('alerts-failed');
  });
  after(async () => {
    rmSync(folder, { recursive: true, force: true });
    await Promise.all(bridges.map((bridge) => bridge.close()));
    await editor.stop();
  });

  /** While it is there, the server ends as soon as it is started. */
  function trapOf(server: string): string {
    return join(folder, server);
  }

  function windowIds(): string[] {
    try {
      return readdirSync(endpointsFolder(editor.lifelineHome))
        .filter((name) => name.endsWith('.json'))
        .map((name) => name.slice(0, -'.json'.length));
    } catch {
      return []; // no engine has been started yet
    }
  }

  /** A window, and a way to make its servers fail. */
  async function open(
    folderName: string,
    language?: string,
  ): Promise<{
    window: EditorWindow;
    breakServer: (server: string) => Promise<void>;
    recover: (server: string) => Promise<void>;
  }> {
    const known = new Set(windowIds());
    const window = await editor.openWindow(editor.folder(folderName), language);
    shown = window;
    const id = await until('the window has an engine', () => windowIds().find((name) => !known.has(name)));
    const env = { ...process.env, MCP_LIFELINE_HOME: editor.lifelineHome };
    return {
      window,
      async breakServer(server) {
        writeFileSync(trapOf(server), '');
        const client = new LineClient(process.execPath, [bridgePath, '--server', server, '--window', id], {
          env,
        });
        bridges.push(client);
        await client.initialize();
      },
      async recover(server) {
        const child = spawn(process.execPath, [enginePath, 'recover', server, '--window', id], { env });
        const [code] = (await once(child, 'exit')) as [number];
        assert.equal(code, 0);
      },
    };
  }

  const toasts = ({ page }: EditorWindow): Locator =>
    page.locator('.notifications-toasts .notification-toast');
  const alertOf = (window: EditorWindow, server: string): Locator =>
    toasts(window).filter({ hasText: new RegExp(`"${server}": (It keeps failing|Ele continua falhando)`) });
  const buttonsOf = (alert: Locator): Promise<string[]> =>
    alert.locator('.notification-list-item-buttons-container .monaco-button').allInnerTexts();
  const press = (alert: Locator, title: string): Promise<void> =>
    alert.getByRole('button', { name: title, exact: true }).click();

  it('R11.3 tells once of a server that keeps failing; Force Recovery heals it, and the notification goes; Mute outlives a reload', async () => {
    const { window, breakServer } = await open('english');
    await breakServer('notes');
    const notes = alertOf(window, 'notes');
    await notes.waitFor({ timeout: 90_000 });
    assert.deepEqual(await buttonsOf(notes), ['Force Recovery', 'Show Log', 'Mute']);
    await window.screenshot('alerts-crash-loop-light');
    await window.runCommand('Preferences: Toggle between Light/Dark Themes');
    await window.screenshot('alerts-crash-loop-dark');
    assert.equal(await toasts(window).count(), 1, 'one notification, and nothing of its consequences');

    rmSync(trapOf('notes'));
    await press(notes, 'Force Recovery');
    await until('the result is told', async () =>
      (await window.notifications()).find((text) => text.includes('Recovered')),
    );
    const left = await window.notifications();
    assert.deepEqual(
      left.filter((text) => text.includes('keeps failing')),
      [],
    );
    await window.page.keyboard.press('Escape');
    await window.untilStatus(/healthy|idle/);

    await breakServer('weather');
    const weather = alertOf(window, 'weather');
    await weather.waitFor({ timeout: 90_000 });
    await press(weather, 'Mute');
    await weather.waitFor({ state: 'hidden' });
    await breakServer('maps');
    await alertOf(window, 'maps').waitFor({ timeout: 90_000 });
    await window.reload();
    await window.untilStatus(/Failing: weather, maps/, 60_000);
    // Told together the two would be one notification without this sentence.
    await alertOf(window, 'maps').waitFor();
    assert.equal(await alertOf(window, 'weather').count(), 0);

    await window.runCommand('MCP Lifeline: Muted Alerts…');
    const rows = await until('the muted alerts', async () => {
      const labels = await window.quickPickLabels();
      return labels.some((label) => label.startsWith('weather')) && labels;
    });
    assert.equal(rows.length, 1);
    assert.match(rows[0] ?? '', /weather, keeps failing/);
    await window.screenshot('alerts-muted');
    await window.quickPickRows.first().click();
    await window.page.keyboard.press('Enter');
    await window.page
      .locator('.statusbar-item')
      .filter({ hasText: 'No longer muted: weather (keeps failing)' })
      .waitFor();
    await window.reload();
    const together = toasts(window).filter({ hasText: /2 alerts of MCP Lifeline/ });
    await together.waitFor({ timeout: 60_000 });
    assert.match(await together.innerText(), /"weather" keeps failing; "maps" keeps failing/);
    await window.screenshot('alerts-together');
    await press(together, 'Show Details');
    await until('the status is shown', async () =>
      (await window.quickPickLabels()).some((label) => label.includes('weather')),
    );
  });

  it('R11.3 tells it in Portuguese', async () => {
    const { window, breakServer, recover } = await open('portugues', 'pt-br');
    await breakServer('notes');
    const notes = alertOf(window, 'notes');
    await notes.waitFor({ timeout: 90_000 });
    assert.deepEqual(await buttonsOf(notes), ['Forçar Recuperação', 'Mostrar Log', 'Silenciar']);
    await window.screenshot('alerts-portuguese');
    // By somebody else than the person at the screen, who is told that it is over.
    rmSync(trapOf('notes'));
    await recover('notes');
    await toasts(window)
      .filter({ hasText: /Já não é o caso: "notes" continua falhando/ })
      .waitFor({ timeout: 60_000 });
    await window.screenshot('alerts-over-portuguese');
  });
});
