import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AxeResults } from 'axe-core';
import type { Frame } from 'playwright-core';
import { endpointsFolder } from '../../../src/endpoint/location.ts';
import { LineClient } from '../../support/lineClient.ts';
import { bridgePath, scripted } from '../../support/testEngine.ts';
import { InstalledEditor, until, type EditorWindow } from '../support/window.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core'), 'utf8');
const themes = {
  light: 'Default Light Modern',
  dark: 'Default Dark Modern',
  'high-contrast': 'Default High Contrast',
  'high-contrast-light': 'Default High Contrast Light',
} as const;

async function violations(frame: Frame): Promise<string[]> {
  // The page lies over the editor's own background, of which axe knows nothing.
  await frame.evaluate(() => (document.body.style.background = 'var(--vscode-editor-background)'));
  await frame.evaluate(axe);
  const { violations: found } = await frame.evaluate(() =>
    (globalThis as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run(),
  );
  return found.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
  );
}

async function tabFrame(window: EditorWindow): Promise<Frame> {
  return until('the dashboard is in a tab', async () => {
    for (const frame of window.page.frames()) {
      const main = frame.locator('body[data-words] main');
      if ((await main.count()) > 0 && (await frame.locator('article').count()) > 0) return frame;
    }
    return undefined;
  });
}

describe('how the dashboard looks', function () {
  this.timeout(240_000);
  let editor: InstalledEditor;
  let folder: string;
  const bridges: LineClient[] = [];

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'mcp-lifeline-trap-'));
    const trap = join(folder, 'trap');
    writeFileSync(trap, '');
    editor = await InstalledEditor.start({
      'mcpLifeline.servers': {
        notes: scripted(
          {},
          { watch: [{ name: 'process', tool: 'pid', path: '$', every: 1, max: 1, repeatable: true }] },
        ),
        weather: scripted({ EXIT_IF: trap }),
        steady: scripted(),
      },
    });
  });
  after(async () => {
    rmSync(folder, { recursive: true, force: true });
    await Promise.all(bridges.map((bridge) => bridge.close()));
    await editor.stop();
  });

  async function open(folderName: string, theme: string, language?: string): Promise<[EditorWindow, Frame]> {
    editor.changeSettings({ 'workbench.colorTheme': theme });
    const known = new Set(ids());
    const window = await editor.openWindow(editor.folder(folderName), language);
    const id = await until('the window has an engine', () => ids().find((name) => !known.has(name)));
    for (const server of ['notes', 'steady', 'weather']) {
      const client = new LineClient(process.execPath, [bridgePath, '--server', server, '--window', id], {
        env: { ...process.env, MCP_LIFELINE_HOME: editor.lifelineHome },
      });
      bridges.push(client);
      await client.initialize();
      if (server === 'weather') continue;
      for (let call = 0; call < 30; call += 1) await client.call('echo', { key: 'x', ms: (call * 7) % 60 });
    }
    const command = language === undefined ? 'MCP Lifeline: Open Dashboard' : 'MCP Lifeline: Abrir Painel';
    await window.runCommand(command);
    const frame = await tabFrame(window);
    await frame.locator('article[data-server="weather"].error').waitFor({ timeout: 60_000 });
    await frame.locator('article[data-server="steady"] .plot canvas').first().waitFor();
    return [window, frame];
  }

  function ids(): string[] {
    try {
      return readdirSync(endpointsFolder(editor.lifelineHome))
        .filter((name) => name.endsWith('.json'))
        .map((name) => name.slice(0, -'.json'.length));
    } catch {
      return [];
    }
  }

  /** As much of the page as there is, at a width. */
  async function picture(window: EditorWindow, name: string, width: number): Promise<void> {
    await window.page.setViewportSize({ width, height: 1_500 });
    await window.page.waitForTimeout(700);
    await window.screenshot(`dashboard-${name}`);
  }

  for (const [name, theme] of Object.entries(themes)) {
    it(`R12.3 has no accessibility violation in the theme ${name}, and shows graphs, alerts, queue and events`, async () => {
      const [window, frame] = await open(name, theme);
      await window.runCommand('View: Toggle Primary Side Bar Visibility');
      await frame.locator('.event-list li').first().waitFor();
      await frame.locator('.queue li').first().waitFor();
      await picture(window, name, 1_250);
      assert.deepEqual(await violations(frame), []);
      if (name !== 'dark') return;
      await frame.getByLabel('7 days').check();
      await frame.locator('.kind').first().waitFor();
      await picture(window, 'dark-7d', 1_250);
      await picture(window, 'dark-200', 250);
      await frame.evaluate(() => document.querySelector('#events')?.scrollIntoView());
      await picture(window, 'dark-200-events', 250);
    });
  }

  it('R1.5 R12.3 speaks Portuguese', async () => {
    const [window, frame] = await open('portuguese', themes.light, 'pt-br');
    await frame.getByText('Fila de recuperação').waitFor();
    await picture(window, 'portuguese', 1_250);
    await window.page.keyboard.press('Control+B');
    await picture(window, 'portuguese-200', 250);
    assert.deepEqual(await violations(frame), []);
  });
});
