#!/usr/bin/env node
/**
 * `npm start`: from a fresh clone to MCP servers kept alive in a VS Code.
 *
 *   npm start                 offers to install the extension into your VS Code, else as with --embedded
 *   npm start -- --embedded   opens a VS Code of its own in the browser, with three real servers
 *   npm start -- --check      the same without a window: calls a tool, kills the server, calls again; exit code 0 or 1
 */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline/promises';
import { parseArgs } from 'node:util';
import { bundleForEditor } from './bundleForEditor.mjs';
import { cacheFolder } from './cache.mjs';
import { provideCodeServer } from './codeServer.mjs';
import { installExtension, makeProfile, readSettings, startEditor, windowUrl } from './editor.mjs';
import { exampleServers } from './exampleServers.mjs';
import { underProjectNode } from './install.mjs';
import { ownLineMark } from './ownLineMark.mjs';
import { buildVsix } from './package.mjs';
import { isInterrupted, run, say } from './processes.mjs';
import { runInEditor } from './runInEditor.mjs';

/** @returns {string | undefined} the program of a desktop VS Code */
function findCode() {
  const name = process.platform === 'win32' ? 'code.cmd' : 'code';
  return (process.env['PATH'] ?? process.env['Path'] ?? '')
    .split(path.delimiter)
    .map((folder) => path.join(folder, name))
    .find((file) => existsSync(file));
}

/** @returns {Promise<boolean>} whether the extension is installed now */
async function offerInstallation(code, vsix) {
  if (!process.stdin.isTTY || !process.stdout.isTTY) {
    say(`to install it into your VS Code: code --install-extension ${vsix}`);
    return false;
  }
  const questions = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await questions.question('Install MCP Lifeline into your VS Code now? [Y/n] ');
  questions.close();
  if (!/^\s*(y|yes)?\s*$/i.test(answer)) return false;
  const isWindows = process.platform === 'win32';
  const { code: exitCode } = await run(
    isWindows ? `"${code}"` : code,
    ['--install-extension', vsix, '--force'],
    {
      limitMs: 120_000,
      shell: isWindows,
    },
  );
  if (exitCode !== 0) throw new Error(`"code --install-extension" failed (${exitCode})`);
  say('installed. Reload VS Code, then name your servers in the setting "mcpLifeline.servers".');
  return true;
}

/** A folder to play in. */
function makeExample(folder) {
  const workspace = path.join(folder, 'example');
  mkdirSync(workspace, { recursive: true });
  const readme = path.join(workspace, 'README.md');
  if (!existsSync(readme)) {
    writeFileSync(
      readme,
      '# An example folder\n\nThe server `filesystem` may read and write here. The item "MCP" in the status bar shows ' +
        'how the servers are;\nkill one of their processes and watch it come back.\n',
    );
  }
  return {
    workspace,
    servers: exampleServers({ folder: workspace, memoryFile: path.join(folder, 'memory.jsonl') }),
  };
}

async function startEmbedded(vsix, port) {
  const home = path.join(cacheFolder(), 'embedded');
  const { workspace, servers } = makeExample(home);
  const userData = path.join(home, 'user-data');
  const settingsFile = path.join(userData, 'User', 'settings.json');
  const previous = readSettings({ userData, serverData: '', extensions: '' });
  if (previous === undefined && existsSync(settingsFile)) {
    renameSync(settingsFile, `${settingsFile}.previous`);
    say('your settings of this editor are not plain JSON; they are kept as settings.json.previous');
  }
  const profile = makeProfile(home, {
    ...previous,
    'mcpLifeline.servers': { ...previous?.['mcpLifeline.servers'], ...servers },
  });
  const root = await provideCodeServer();
  say('installing the extension');
  await installExtension({ root, profile, vsix });
  const token = randomBytes(16).toString('hex');
  const editor = await startEditor({ root, profile, port, token });
  say('VS Code is ready, with the servers everything, filesystem and memory. Open');
  console.log(`\n    ${windowUrl(editor, { folder: workspace })}\n`);
  say('Ctrl+C stops it.');
  await editor.exited;
  if (isInterrupted()) return new Promise(() => undefined); // What ends us is under way.
  throw new Error(`The VS Code server ended by itself; its log is ${editor.logFile}`);
}

/** @returns {Promise<number>} the exit code */
async function check(vsix) {
  const home = mkdtempSync(path.join(tmpdir(), 'mcp-lifeline-check-'));
  try {
    const { workspace, servers } = makeExample(home);
    const profile = makeProfile(home, {
      'chat.tools.global.autoApprove': true,
      'mcpLifeline.servers': servers,
    });
    // VS Code runs a test program only beside an extension under development. Ours is the installed one, so that is empty.
    const companion = path.join(home, 'companion');
    mkdirSync(companion);
    writeFileSync(
      path.join(companion, 'package.json'),
      '{ "name": "companion", "publisher": "check", "version": "0.0.1", "engines": { "vscode": "*" } }',
    );
    const testsPath = await bundleForEditor('check', `export * from './test/editor/check/main.ts';`);
    const root = await provideCodeServer();
    say('installing the extension');
    await installExtension({ root, profile, vsix });
    say('starting VS Code');
    const { code, problem } = await runInEditor({
      profile,
      developmentPaths: [companion],
      testsPath,
      folder: workspace,
      env: { EDITOR_TEST_NODE: process.execPath, MCP_LIFELINE_HOME: path.join(home, 'lifeline') },
      limitMs: 120_000,
      print: (_type, [first]) => {
        if (typeof first === 'string' && first.startsWith(ownLineMark)) console.log(first.slice(1));
      },
    });
    if (problem !== undefined) console.error(`check: ${problem}`);
    say(code === 0 ? 'the check passed' : 'the check failed');
    return code;
  } finally {
    rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function main() {
  await underProjectNode(import.meta.url);
  const { values } = parseArgs({
    options: {
      check: { type: 'boolean', default: false },
      embedded: { type: 'boolean', default: false },
      port: { type: 'string', default: '0' },
    },
  });
  say('building and packing the extension');
  const vsix = await buildVsix();
  if (values.check) return check(vsix);
  const code = values.embedded ? undefined : findCode();
  if (code !== undefined && (await offerInstallation(code, vsix))) return 0;
  await startEmbedded(vsix, Number(values.port));
  return 1;
}

main().then(
  (code) => process.exit(code),
  (error) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  },
);
