/**
 * Runs a program with `run()` in the extension host of a VS Code server, opened in a headless browser.
 */
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { openBrowser } from './browser.mjs';
import { provideCodeServer } from './codeServer.mjs';
import { startEditor, windowUrl } from './editor.mjs';

/**
 * @param {object} options
 * @param {import('./editor.mjs').Profile} options.profile
 * @param {string[]} options.developmentPaths at least one: VS Code loads no tests without an extension under development
 * @param {string} options.testsPath
 * @param {string} [options.folder]
 * @param {NodeJS.ProcessEnv} [options.env] added to our environment
 * @param {(type: string, args: unknown[]) => void} options.print gets the window's console
 * @param {number} options.limitMs from the opening of the window on
 * @param {string} [options.screenshots] folder for a picture of the window when the program did not end by itself
 * @returns {Promise<{ code: number, problem?: string }>} the program's exit code; `problem` when it has none of its own
 */
export async function runInEditor(options) {
  const { profile, developmentPaths, testsPath, folder, env, print, limitMs, screenshots } = options;
  const root = await provideCodeServer();
  const [editor, browser] = await Promise.all([
    startEditor({ root, profile, env, testDriver: true }),
    openBrowser(),
  ]);
  try {
    const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    const finished = new Promise((resolve) => {
      void page.exposeFunction('codeAutomationLog', print);
      void page.exposeFunction('codeAutomationExit', (code) => resolve(code));
      page.once('crash', () => resolve('the page crashed'));
      void editor.exited.then(() => resolve('the VS Code server ended'));
    });
    await page.goto(windowUrl(editor, { folder, developmentPaths, testsPath }), { timeout: 60_000 });
    const outcome = await Promise.race([
      finished,
      delay(limitMs, `the program did not end within ${limitMs} ms`, { ref: false }),
    ]);
    if (typeof outcome === 'number') return { code: outcome };
    if (screenshots !== undefined) {
      await page.screenshot({ path: path.join(screenshots, 'run-in-editor.png') }).catch(() => undefined);
    }
    return { code: 1, problem: outcome };
  } finally {
    await Promise.allSettled([browser.close(), editor.stop()]);
  }
}
