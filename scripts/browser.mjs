/**
 * Finds a browser of the Chromium family, brings one where there is none, and opens it.
 *
 * Order, each step tried on Debian 12 with nothing but npm and apt within reach:
 * 1. `CHROME_PATH`.
 * 2. What is installed: by well-known name on the PATH, then in the usual places.
 * 3. Linux on x64: the browser inside the npm package `@sparticuz/chromium` (75 MB, pinned, verified; 3 s; needs no
 *    root and changes nothing of the system). It was made for cloud functions and looks for fonts only in their
 *    folders; without any font VS Code's page kills it ("SkFontMgr_FontConfigInterface: Not implemented"), so it gets a
 *    fontconfig file of ours, which names its own font and the system's.
 * 4. Debian and its kin, as root: `apt-get install chromium` (110 MB, 10 s).
 */
import { spawnSync } from 'node:child_process';
import { createReadStream, createWriteStream, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress } from 'node:zlib';
import { provide, unpackFromRegistry } from './cache.mjs';
import { onInterrupt, run, say } from './processes.mjs';

const packaged = {
  spec: '@sparticuz/chromium@153.0.0',
  folder: 'sparticuz-chromium-153.0.0-1',
  integrity:
    'sha512-jiGWqSvPMdu4+P9TilYqAR7yEGPEHINx+lCvE/NqNO/EHYzF/x1hUiI5T6ioVIt7dEy7n88byyT0vk+dnsgQwA==',
};

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/**
 * @typedef {{ executable: string, env: Record<string, string> }} BrowserProgram `env` is added to our environment
 */

function usualPlaces() {
  const env = process.env;
  if (process.platform === 'darwin') {
    const bundle = (name) => `/Applications/${name}.app/Contents/MacOS/${name}`;
    return [bundle('Google Chrome'), bundle('Chromium'), bundle('Microsoft Edge')];
  }
  if (process.platform === 'win32') {
    return [env['PROGRAMFILES'], env['PROGRAMFILES(X86)'], env['LOCALAPPDATA']]
      .filter((base) => base !== undefined)
      .flatMap((base) => [
        path.join(base, 'Google', 'Chrome', 'Application', 'chrome.exe'),
        path.join(base, 'Microsoft', 'Edge', 'Application', 'msedge.exe'),
        path.join(base, 'Chromium', 'Application', 'chrome.exe'),
      ]);
  }
  const names = [
    'google-chrome-stable',
    'google-chrome',
    'chromium',
    'chromium-browser',
    'microsoft-edge-stable',
    'microsoft-edge',
  ];
  const folders = [...(env['PATH'] ?? '').split(path.delimiter), '/usr/bin', '/usr/local/bin', '/snap/bin'];
  return names.flatMap((name) => folders.filter(Boolean).map((folder) => path.join(folder, name)));
}

/** A file of that name may be a script that only says where to get the real one. */
function isBrowser(executable) {
  if (!existsSync(executable)) return false;
  if (process.platform === 'win32') return true; // There `--version` opens a window.
  const { status, stdout } = spawnSync(executable, ['--version'], { encoding: 'utf8', timeout: 15_000 });
  return status === 0 && /\d+\.\d+/.test(stdout);
}

/** @returns {Promise<BrowserProgram>} */
async function packagedBrowser() {
  const folder = await provide(packaged.folder, async (building) => {
    say(`no browser found; fetching the one in ${packaged.spec} (75 MB)`);
    await unpackFromRegistry(packaged.spec, packaged.integrity, building);
    const bin = path.join(building, 'package', 'bin');
    await pipeline(
      createReadStream(path.join(bin, 'chromium.br')),
      createBrotliDecompress(),
      createWriteStream(path.join(building, 'chromium'), { mode: 0o755 }),
    );
    for (const name of ['al2023', 'fonts']) {
      const file = path.join(building, `${name}.tar`);
      await pipeline(
        createReadStream(path.join(bin, `${name}.tar.br`)),
        createBrotliDecompress(),
        createWriteStream(file),
      );
      const { code } = await run('tar', ['-xf', `${name}.tar`], {
        cwd: building,
        limitMs: 60_000,
        output: 'ignore',
      });
      if (code !== 0) throw new Error(`unpacking ${name}.tar of ${packaged.spec} failed`);
      rmSync(file);
    }
    rmSync(path.join(building, 'package'), { recursive: true });
  });
  const fontconfig = path.join(folder, 'fontconfig');
  mkdirSync(fontconfig, { recursive: true });
  writeFileSync(
    path.join(fontconfig, 'fonts.conf'),
    `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig><dir>${folder}/fonts</dir>` +
      `<dir>/usr/share/fonts</dir><cachedir>${fontconfig}/cache</cachedir></fontconfig>\n`,
  );
  const libraries = [path.join(folder, 'lib'), process.env['LD_LIBRARY_PATH']].filter(Boolean);
  return {
    executable: path.join(folder, 'chromium'),
    env: { FONTCONFIG_PATH: fontconfig, LD_LIBRARY_PATH: libraries.join(path.delimiter) },
  };
}

/** @returns {Promise<BrowserProgram>} */
async function debianBrowser() {
  say('no browser found; installing Debian\'s "chromium"');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const apt = (/** @type {string[]} */ ...args) =>
    run('apt-get', args, { env, limitMs: 240_000, onLine: (line) => console.error(line) });
  await apt('update');
  const { code } = await apt('install', '-y', '--no-install-recommends', 'chromium', 'fonts-dejavu-core');
  if (code !== 0) throw new Error(`apt-get install chromium failed (${code})`);
  return { executable: '/usr/bin/chromium', env: {} };
}

/**
 * @returns {Promise<BrowserProgram>}
 * @throws when there is none and none could be brought, with what was tried
 */
export async function provideBrowser() {
  const given = process.env['CHROME_PATH'];
  if (given !== undefined && given !== '') {
    if (!existsSync(given)) throw new Error(`CHROME_PATH names a file that does not exist: ${given}`);
    return { executable: given, env: {} };
  }
  const installed = usualPlaces().find(isBrowser);
  if (installed !== undefined) return { executable: installed, env: {} };

  const tried = [];
  const fallbacks = [
    [process.platform === 'linux' && process.arch === 'x64', packagedBrowser],
    [
      process.platform === 'linux' && existsSync('/usr/bin/apt-get') && process.getuid?.() === 0,
      debianBrowser,
    ],
  ];
  for (const [isPossible, bring] of fallbacks) {
    if (!isPossible) continue;
    try {
      const program = await bring();
      await (await launch(program)).close();
      return program;
    } catch (error) {
      tried.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new Error(
    `No Chrome, Chromium or Edge found. Install one, or name one with CHROME_PATH.\n${tried.join('\n')}`,
  );
}

/** @param {BrowserProgram} program */
async function launch({ executable, env }) {
  const { chromium } = await import('playwright-core');
  return chromium.launch({
    executablePath: executable,
    args: flags,
    env: { ...process.env, ...env },
    timeout: 60_000,
    // Ours end it, together with everything else.
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
  });
}

/**
 * Opens a headless browser; it is closed when this process ends.
 * @param {BrowserProgram} [program] default: the one that `provideBrowser` finds
 * @returns {Promise<import('playwright-core').Browser>}
 */
export async function openBrowser(program) {
  const browser = await launch(program ?? (await provideBrowser()));
  const forget = onInterrupt(() => browser.close());
  browser.on('disconnected', forget);
  return browser;
}
