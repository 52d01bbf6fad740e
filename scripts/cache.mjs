/**
 * Large things that come from the npm registry and are needed by the scripts only (the editor, a browser), kept outside
 * the work tree, by version, once for all clones of this repository.
 */
import { createHash, randomBytes } from 'node:crypto';
import {
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { npm } from './install.mjs';
import { run } from './processes.mjs';

/** Written last, so a folder without it is not finished. */
const marker = '.complete';

/** @returns {string} `MCP_LIFELINE_CACHE`, or a folder of ours where this system keeps caches */
export function cacheFolder(env = process.env) {
  const given = env['MCP_LIFELINE_CACHE'];
  if (given !== undefined && given !== '') return path.resolve(given);
  const base =
    process.platform === 'win32'
      ? (env['LOCALAPPDATA'] ?? path.join(homedir(), 'AppData', 'Local'))
      : process.platform === 'darwin'
        ? path.join(homedir(), 'Library', 'Caches')
        : env['XDG_CACHE_HOME'] || path.join(homedir(), '.cache');
  return path.join(base, 'mcp-lifeline');
}

function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Removes what setups that were killed left behind. */
function sweep(cache) {
  for (const entry of readdirSync(cache)) {
    const pid = /\.building-(\d+)-[0-9a-f]+$/.exec(entry)?.[1];
    if (pid !== undefined && !isRunning(Number(pid))) {
      rmSync(path.join(cache, entry), { recursive: true, force: true });
    }
  }
}

/**
 * The folder `name` of the cache, built once. It is built beside its place and renamed when it is finished: a killed
 * setup never leaves half a folder, and of two processes that build at the same time the later uses the earlier's.
 * @param {string} name unique to the version of what it holds
 * @param {(folder: string) => Promise<void>} build fills an empty folder, which is going to be renamed
 * @returns {Promise<string>}
 */
export async function provide(name, build) {
  const cache = cacheFolder();
  const target = path.join(cache, name);
  if (existsSync(path.join(target, marker))) return target;
  mkdirSync(cache, { recursive: true });
  sweep(cache);
  const building = path.join(cache, `${name}.building-${process.pid}-${randomBytes(4).toString('hex')}`);
  mkdirSync(building);
  try {
    await build(building);
    writeFileSync(path.join(building, marker), '');
    // Only something that was not made here has no marker.
    if (existsSync(target) && !existsSync(path.join(target, marker))) rmSync(target, { recursive: true });
    try {
      renameSync(building, target);
    } catch (error) {
      if (!existsSync(path.join(target, marker))) throw error;
    }
    return target;
  } finally {
    rmSync(building, { recursive: true, force: true });
  }
}

/**
 * Fetches one package from the npm registry, proves that it is the expected one, and unpacks it.
 * @param {string} spec `name@version`
 * @param {string} integrity `sha512-…` of the tarball, as the registry states it
 * @param {string} folder exists; gets a folder `package`
 */
export async function unpackFromRegistry(spec, integrity, folder) {
  const packed = await npm(['pack', spec, '--ignore-scripts', '--loglevel=error'], {
    cwd: folder,
    limitMs: 300_000,
    output: 'pipe',
  });
  const file = readdirSync(folder).find((entry) => entry.endsWith('.tgz'));
  if (packed.code !== 0 || file === undefined) {
    throw new Error(`npm pack ${spec} failed (${packed.code}):\n${packed.output}`);
  }
  const hash = createHash('sha512');
  await pipeline(createReadStream(path.join(folder, file)), hash);
  const actual = `sha512-${hash.digest('base64')}`;
  if (actual !== integrity) throw new Error(`${spec} is not the expected file: ${actual}, not ${integrity}`);
  // A relative name: some tars on Windows take the colon of a drive for a host name.
  const unpacked = await run('tar', ['-xzf', file], { cwd: folder, limitMs: 180_000, output: 'pipe' });
  if (unpacked.code !== 0) throw new Error(`unpacking ${spec} failed:\n${unpacked.output}`);
  rmSync(path.join(folder, file));
}
