/**
 * Starting and stopping a VS Code server, installing extensions into it, and opening it in a browser.
 */
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { run, start, toPathOfUrl } from './processes.mjs';

/** What keeps a fresh editor quiet: no welcome, no questions, no look for updates. */
const quietSettings = {
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
  'workbench.enableExperiments': false,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'security.workspace.trust.enabled': false,
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
  // Not `false`, which the editor rewrites to this some time after its start.
  'extensions.autoUpdate': 'off',
  'extensions.autoCheckUpdates': false,
  'extensions.ignoreRecommendations': true,
  'git.enabled': false,
};

/**
 * The folders that make up one independent editor.
 * @typedef {{ userData: string, serverData: string, extensions: string }} Profile
 */

/**
 * @param {string} folder becomes the home of the profile
 * @param {Record<string, unknown>} [settings] user settings, over those that keep an editor quiet
 * @returns {Profile}
 */
export function makeProfile(folder, settings = {}) {
  const profile = {
    userData: path.join(folder, 'user-data'),
    serverData: path.join(folder, 'server-data'),
    extensions: path.join(folder, 'extensions'),
  };
  for (const part of Object.values(profile)) mkdirSync(part, { recursive: true });
  writeSettings(profile, { ...quietSettings, ...settings });
  return profile;
}

/** @param {Profile} profile */
function settingsFile(profile) {
  return path.join(profile.userData, 'User', 'settings.json');
}

/**
 * Replaces the user settings.
 * @param {Profile} profile
 * @param {Record<string, unknown>} settings
 */
export function writeSettings(profile, settings) {
  const file = settingsFile(profile);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(settings, undefined, 2)}\n`);
}

/**
 * @param {Profile} profile
 * @returns {Record<string, unknown> | undefined} undefined when there are none or they are not plain JSON
 */
export function readSettings(profile) {
  try {
    return JSON.parse(readFileSync(settingsFile(profile), 'utf8'));
  } catch {
    return undefined; // A file with comments, for example; the caller decides what then.
  }
}

/** @param {Profile} profile */
function profileArguments(profile) {
  return [
    '--accept-server-license-terms',
    '--user-data-dir',
    profile.userData,
    '--server-data-dir',
    profile.serverData,
    '--extensions-dir',
    profile.extensions,
  ];
}

const serverProgram = (root) => path.join(root, 'out', 'server-main.js');

/** In a file, because every user of the machine can read arguments. */
function connectionArguments(profile, token) {
  if (token === undefined) return ['--without-connection-token'];
  const file = path.join(profile.serverData, 'connection-token');
  writeFileSync(file, token, { mode: 0o600 });
  return ['--connection-token-file', file];
}

/** The editor's environment: ours, without what would make its Node or its terminals behave as if inside another. */
function editorEnvironment(environment, extra) {
  const kept = Object.entries(environment).filter(
    ([name]) => !/^(VSCODE_|ELECTRON_RUN_AS_NODE$|NODE_OPTIONS$|npm_)/.test(name),
  );
  return {
    ...Object.fromEntries(kept),
    // Without a gallery: looking for one that cannot be reached holds the extension host back for ten seconds.
    EXTENSIONS_GALLERY: '{}',
    // As if started from a shell: otherwise it runs an interactive login shell for its variables, and waits as long.
    VSCODE_CLI: '1',
    ...extra,
  };
}

/** @returns {string} the end of a log, for an error message */
function tailOf(file) {
  if (!existsSync(file)) return '';
  const size = statSync(file).size;
  const bytes = Buffer.alloc(Math.min(size, 4_000));
  const descriptor = openSync(file, 'r');
  readSync(descriptor, bytes, 0, bytes.length, size - bytes.length);
  closeSync(descriptor);
  return bytes.toString('utf8');
}

/**
 * A running editor.
 * @typedef {object} Editor
 * @property {string} url
 * @property {number} port
 * @property {string | undefined} token
 * @property {number} pid also its process group
 * @property {string} logFile
 * @property {Promise<unknown>} exited resolves when the server has ended, however
 * @property {() => import('./processes.mjs').ProcessInfo[]} rest what came from it and is running
 * @property {(options?: import('./processes.mjs').EndOptions) => Promise<void>} stop ends everything that came from it
 */

/**
 * Starts a VS Code server on a free loopback port and waits until it answers.
 * @param {object} options
 * @param {string} options.root the folder of `out/server-main.js`, from `provideCodeServer()`
 * @param {Profile} options.profile
 * @param {boolean} [options.testDriver] lets a page name an extension under development and its tests
 * @param {boolean} [options.workspaceTrust] folders are not trusted until a person says so; needs `security.workspace.trust.enabled` as well
 * @param {number} [options.port] default: any free one
 * @param {string} [options.token] what a browser must present; default: nothing, for tests
 * @param {NodeJS.ProcessEnv} [options.env] added to our environment
 * @param {number} [options.limitMs] for starting; default 60,000
 * @returns {Promise<Editor>}
 */
export async function startEditor(options) {
  const { root, profile, testDriver = false, workspaceTrust = false } = options;
  const { port = 0, token, env = {}, limitMs = 60_000 } = options;
  const logFile = path.join(profile.serverData, 'server.log');
  writeFileSync(logFile, '');
  const server = start(
    process.execPath,
    [
      serverProgram(root),
      '--host',
      '127.0.0.1',
      '--port',
      String(port),
      ...connectionArguments(profile, token),
      ...(workspaceTrust ? [] : ['--disable-workspace-trust']),
      '--telemetry-level',
      'off',
      ...(testDriver ? ['--enable-smoke-test-driver'] : []),
      ...profileArguments(profile),
    ],
    { cwd: root, env: editorEnvironment(process.env, env), logFile },
  );
  let isOver = false;
  void server.exited.then(() => {
    isOver = true;
  });
  const end = performance.now() + limitMs;
  for (;;) {
    const actualPort = /Extension host agent listening on (\d+)/.exec(readFileSync(logFile, 'utf8'))?.[1];
    const url = `http://127.0.0.1:${actualPort}`;
    if (actualPort !== undefined && (await answers(`${url}/version`))) {
      const { pid, exited, rest, end: stop } = server;
      return { url, port: Number(actualPort), token, pid, logFile, exited, rest, stop };
    }
    if (isOver || performance.now() > end) {
      await server.end();
      const what = isOver ? 'ended at once' : `did not answer within ${limitMs} ms`;
      throw new Error(`The VS Code server ${what}. Its log ends with:\n${tailOf(logFile)}`);
    }
    await delay(50);
  }
}

async function answers(url) {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false; // Not yet there.
  }
}

/**
 * Installs an extension, over the same version too.
 * @param {{ root: string, profile: Profile, vsix: string }} options
 */
export async function installExtension({ root, profile, vsix }) {
  const { code, output } = await run(
    process.execPath,
    [serverProgram(root), '--install-extension', vsix, '--force', ...profileArguments(profile)],
    { cwd: root, env: editorEnvironment(process.env, {}), output: 'pipe', limitMs: 120_000 },
  );
  if (code !== 0 || !/was successfully installed/.test(output)) {
    throw new Error(`Installing ${path.basename(vsix)} failed (${code}):\n${output}`);
  }
}

/**
 * The address of a window of an editor.
 * @param {Editor} editor
 * @param {object} [options]
 * @param {string} [options.folder] the folder or `.code-workspace` file to open
 * @param {string[]} [options.developmentPaths] folders of extensions under development
 * @param {string} [options.testsPath] a CommonJS program with `run()`
 */
export function windowUrl(editor, { folder, developmentPaths = [], testsPath } = {}) {
  const query = new URLSearchParams();
  if (editor.token !== undefined) query.set('tkn', editor.token);
  if (folder !== undefined) {
    query.set(folder.endsWith('.code-workspace') ? 'workspace' : 'folder', toPathOfUrl(folder));
  }
  const remote = (/** @type {string} */ file) =>
    `vscode-remote://127.0.0.1:${editor.port}${encodeURI(toPathOfUrl(file))}`;
  const payload = [
    ...developmentPaths.map((file) => ['extensionDevelopmentPath', remote(file)]),
    ...(testsPath === undefined ? [] : [['extensionTestsPath', remote(testsPath)]]),
  ];
  if (payload.length > 0) query.set('payload', JSON.stringify(payload));
  return `${editor.url}/?${query}`;
}
