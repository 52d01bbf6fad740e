import { InstalledEditor, until, type EditorWindow } from '../../test/editor/support/window.ts';
import { echo } from './starts.ts';

/** `node bench/start/editor.ts N`: a program of its own, because it is typed with the editor's tests. Prints N figures as JSON. */

/** VS Code's own figure for the extension, from its list of running extensions: loading the code, and activating. */
async function activationTime(window: EditorWindow): Promise<number> {
  await window.runCommand('Developer: Show Running Extensions');
  const row = window.page.locator('.runtime-extensions-editor .monaco-list-row', { hasText: 'MCP Lifeline' });
  const text = await until('the extension is listed with its time', async () => {
    const shown = await row.first().textContent({ timeout: 1_000 });
    return shown !== null && /\d+\s*ms/.test(shown) ? shown : undefined;
  });
  return Number(/(\d+)\s*ms/.exec(text)?.[1]);
}

/** Opens windows, each with an extension host of its own. The first is the first of a fresh editor and is not counted. */
async function activations(windows: number): Promise<number[]> {
  const editor = await InstalledEditor.start({ 'mcpLifeline.servers': { echo } });
  try {
    const times: number[] = [];
    for (let index = 0; index <= windows; index += 1) {
      const window = await editor.openWindow(editor.folder(`w${index}`));
      await window.untilStatus(/1 server|idle|healthy/i);
      times.push(await activationTime(window));
      await window.page.context().close();
    }
    return times.slice(1);
  } finally {
    await editor.stop();
  }
}

process.stdout.write(JSON.stringify(await activations(Number(process.argv[2] ?? 5))));
process.exit();
