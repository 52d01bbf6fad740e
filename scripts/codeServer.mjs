/**
 * Provides a real VS Code server from the npm package `code-server`, for machines that reach nothing but a registry.
 */
import { copyFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { provide, unpackFromRegistry } from './cache.mjs';
import { makeProfile, startEditor } from './editor.mjs';
import { npm } from './install.mjs';
import { run, say } from './processes.mjs';

const version = '4.139.1'; // holds VS Code 1.139.1
const integrity =
  'sha512-fUYvJVdz4ZoVJfakGiGWXFMpF8K1ObsrpGvX17ZxNpKOzdNHs7lANT670JTr4ZhA8DnWqyvvmFG/d3HV9Yy6ew==';

/**
 * Raised whenever the way of building changes, so that nobody keeps a folder that was built in the old way.
 */
const recipe = 2;

/** @param {string} folder the folder of the cache */
const serverRoot = (folder) => path.join(folder, 'package', 'lib', 'vscode');

/**
 * Gives the editor a log writer that needs nothing native, unless its own can be loaded: see spdlogStandIn.cjs.
 * @param {string} root
 */
async function provideLogWriter(root) {
  const program = path.join(root, 'node_modules', '@vscode', 'spdlog', 'index.js');
  // Imported as VS Code does it.
  const check = `import { createAsyncRotatingLogger, setFlushOn } from ${JSON.stringify(pathToFileURL(program))};`;
  const load = () =>
    run(process.execPath, ['--input-type=module', '--eval', check], { limitMs: 20_000, output: 'pipe' });
  if ((await load()).code === 0) return;
  rmSync(program); // Not written over: npm may have linked it to its cache.
  copyFileSync(path.join(import.meta.dirname, 'spdlogStandIn.cjs'), program);
  const { code, output } = await load();
  if (code !== 0) throw new Error(`the stand-in for @vscode/spdlog cannot be loaded (${code}):\n${output}`);
}

/**
 * @returns {Promise<string>} the folder with `out/server-main.js`; its first use takes half a minute and 600 MB
 */
export async function provideCodeServer() {
  const folder = await provide(`code-server-${version}-${recipe}`, async (building) => {
    say(`fetching VS Code 1.139 (code-server ${version}, 46 MB)`);
    await unpackFromRegistry(`code-server@${version}`, integrity, building);
    say("installing VS Code's own dependencies (its shrinkwrap says which)");
    // Without install scripts: nothing native has to be compiled.
    const { code, output } = await npm(
      ['install', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'],
      { cwd: serverRoot(building), limitMs: 300_000, output: 'pipe' },
    );
    if (code !== 0) throw new Error(`npm install in code-server failed (${code}):\n${output}`);
    await provideLogWriter(serverRoot(building));
    const profile = makeProfile(path.join(building, 'trial'));
    const editor = await startEditor({ root: serverRoot(building), profile });
    await editor.stop();
    say('VS Code starts');
  });
  return serverRoot(folder);
}
