import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { scripted } from '../../support/testEngine.ts';
import { InstalledEditor, until, type EditorWindow } from '../support/window.ts';

describe('Export Diagnostics, as a person uses it', function () {
  this.timeout(120_000);
  let editor: InstalledEditor;
  let window: EditorWindow;

  before(async function () {
    this.timeout(240_000);
    editor = await InstalledEditor.start({ 'mcpLifeline.servers': { quiet: scripted() } });
    window = await editor.openWindow();
    await window.untilStatus(/server/i);
  });
  after(() => editor.stop());

  it('R12.4 shows what is told before it asks where to save it, and saves that', async () => {
    await window.runCommand('MCP Lifeline: Export Diagnostics…');
    await window.page
      .locator('.editor-group-container .monaco-editor', { hasText: 'MCP Lifeline' })
      .first()
      .waitFor();
    const toast = window.page.locator('.notifications-toasts .notification-list-item', {
      hasText: 'These are the diagnostics, without secrets.',
    });
    await toast.waitFor();
    await window.screenshot('diagnostics-shown');
    await toast.hover();
    await toast.getByRole('button', { name: 'Save…', exact: true }).click();
    const path = window.page.locator('.quick-input-widget:visible input.input');
    await path.waitFor();
    const proposed = await until('a name is proposed', async () => {
      const value = await path.inputValue();
      return value.endsWith('.md') ? value : undefined;
    });
    await window.screenshot('diagnostics-save');
    assert.match(proposed, /workspace\/mcp-lifeline-diagnostics-\d{4}-\d\d-\d\d\.md$/);
    await window.page.keyboard.press('Enter');
    const name = await until('the file is there', () =>
      readdirSync(editor.folder()).find((each) => each.startsWith('mcp-lifeline-diagnostics-')),
    );
    const file = join(editor.folder(), name);
    // Made empty first.
    const text = await until('it is written', () => readFileSync(file, 'utf8') || undefined);
    assert.match(text, /^# .*MCP Lifeline/m);
    await until('it is said', async () =>
      (await window.notifications()).some((said) => said.includes(`Saved as ${file}`)),
    );
  });
});
