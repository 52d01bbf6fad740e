import assert from 'node:assert/strict';
import { InstalledEditor, until, type EditorWindow } from '../support/window.ts';

describe('the installed extension', function () {
  let editor: InstalledEditor;
  let window: EditorWindow;

  before(async function () {
    // The first use may have to fetch the editor and a browser.
    this.timeout(240_000);
    editor = await InstalledEditor.start();
    window = await editor.openWindow();
  });

  after(async () => {
    await editor.stop();
  });

  it('shows its health in the status bar', async () => {
    await window.statusItem.waitFor({ timeout: 30_000 });
    assert.match(await window.statusLabel(), /MCP Lifeline/);
    await window.screenshot('status-bar');
  });

  it('lists the configured servers in its tree', async () => {
    await window.showServersView();
    await until('the three servers are listed', async () => (await window.treeRows()).length === 3);
    const rows = await window.treeRows();
    for (const server of ['everything', 'filesystem', 'memory']) {
      assert.ok(
        rows.some((row) => row.startsWith(server)),
        `${server} is not among: ${rows.join(' | ')}`,
      );
    }
    await window.screenshot('servers-tree');
  });
});
