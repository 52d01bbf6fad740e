import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InstalledEditor, until, type EditorWindow } from '../support/window.ts';

describe('language features as they are seen', function () {
  this.timeout(240_000);
  let editor: InstalledEditor;
  let shown: EditorWindow | undefined;

  before(async () => {
    editor = await InstalledEditor.start({
      'editor.minimap.enabled': false,
      'chat.disableAIFeatures': true,
      'editor.codeLensFontSize': 13,
    });
    mkdirSync(join(editor.folder(), '.vscode'), { recursive: true });
    writeFileSync(
      join(editor.folder(), '.vscode', 'mcp.json'),
      JSON.stringify(
        {
          servers: {
            search: { command: 'no-such-command', args: ['--port=3999'] },
            files: {
              command: 'node',
              args: ['--port', '3999'],
              env: { API_TOKEN: 'q7Zt2LmX9vB4kN8wR1yC6dF3' },
            },
            far: { url: 'http://mcp.example.com/' },
          },
        },
        undefined,
        2,
      ),
    );
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await shown?.screenshot('language-failed');
  });
  after(async () => {
    await editor.stop();
  });

  const lensText = async ({ page }: EditorWindow): Promise<string> =>
    (await page.locator('.codelens-decoration').allTextContents()).join(' | ').replace(/\s+/g, ' ');

  it('R12.5 the user settings have a lens above each server, and its health in the hover', async () => {
    const window = await editor.openWindow();
    shown = window;
    await window.untilStatus(/idle/);
    await window.runCommand('Preferences: Open User Settings (JSON)');
    await until(
      'the lenses are there',
      async () => /idle.*Force Recovery.*Show Log/.test(await lensText(window)),
      30_000,
    );
    await window.page.locator('.view-line span', { hasText: '"everything"' }).last().hover();
    const hover = window.page.locator('.monaco-hover-content', { hasText: 'Breaker' });
    await hover.first().waitFor({ timeout: 15_000 });
    await window.screenshot('language-settings');
    assert.match((await hover.first().textContent()) ?? '', /everything — (?:idle|starting|healthy)/);
    assert.equal(await hover.first().locator('a').count(), 0);
  });

  it('R12.5 R1.5 an mcp.json has marks and a lens, in Portuguese too', async () => {
    const window = await editor.openWindow(editor.folder(), 'pt-br');
    shown = window;
    await window.statusItem.waitFor({ timeout: 30_000 });
    await window.page.keyboard.press('ControlOrMeta+P');
    await window.page.keyboard.type('mcp.json');
    await window.page
      .locator('.quick-input-list .monaco-list-row', { hasText: 'mcp.json' })
      .first()
      .waitFor();
    await window.page.keyboard.press('Enter');
    await until(
      'the lens is there',
      async () => (await lensText(window)).includes('Executar com o MCP Lifeline'),
      30_000,
    );
    await window.page.locator('.squiggly-warning').first().waitFor({ timeout: 15_000 });
    await window.page.locator('.view-line span', { hasText: '"no-such-command"' }).last().hover();
    const hover = window.page.locator('.monaco-hover-content', { hasText: 'não foi encontrado' });
    await hover.first().waitFor({ timeout: 15_000 });
    await window.screenshot('language-mcp-portuguese');
  });
});
