/**
 * Makes sure that the dependencies are installed, and that the caller runs under the project's own Node (24, from the
 * npm package `node`) whatever the system has. Uses nothing but Node's own modules, and runs on Node 20.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { run, say } from './processes.mjs';

export const projectRoot = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const nodeMajor = 24;
const nodeBinary = path.join(
  projectRoot,
  'node_modules',
  'node',
  'bin',
  process.platform === 'win32' ? 'node.exe' : 'node',
);

/**
 * The environment for npm and other tools: the project's Node and programs first, and nothing of an npm that may have
 * started us, which would make an npm in another folder work on this one.
 * @param {NodeJS.ProcessEnv} [environment]
 * @returns {NodeJS.ProcessEnv}
 */
export function toolEnvironment(environment = process.env) {
  const kept = Object.entries(environment).filter(
    ([name]) => !/^npm_(package_|lifecycle_|command$|config_local_prefix$)/i.test(name),
  );
  const env = Object.fromEntries(kept);
  const pathName = Object.keys(env).find((name) => name.toUpperCase() === 'PATH') ?? 'PATH';
  const first = [path.dirname(nodeBinary), path.join(projectRoot, 'node_modules', '.bin')];
  const rest = (env[pathName] ?? '').split(path.delimiter).filter((folder) => !first.includes(folder));
  return { ...env, [pathName]: [...first, ...rest].join(path.delimiter) };
}

/**
 * Runs npm, under the project's Node as soon as that is there.
 * @param {readonly string[]} args
 * @param {{ cwd: string, limitMs: number, onLine?: (line: string) => void, output?: 'inherit' | 'pipe' | 'ignore' }} options
 */
export async function npm(args, options) {
  const env = toolEnvironment();
  const program = process.env['npm_execpath'];
  if (program !== undefined && path.basename(program) === 'npm-cli.js' && existsSync(program)) {
    const node = existsSync(nodeBinary) ? nodeBinary : process.execPath;
    return run(node, [program, ...args], { ...options, env });
  }
  const isWindows = process.platform === 'win32';
  return run(isWindows ? 'npm.cmd' : 'npm', args, { ...options, env, shell: isWindows });
}

/**
 * Compares what npm says it installed with what the lockfile asks for. npm writes its list last, so an installation
 * that was interrupted has none; and unlike times or a stamp of ours it also knows of a plain `npm install`.
 */
function isInstalled() {
  try {
    const read = (...parts) => JSON.parse(readFileSync(path.join(projectRoot, ...parts), 'utf8')).packages;
    const wanted = read('package-lock.json');
    const present = read('node_modules', '.package-lock.json');
    const isUpToDate = Object.entries(wanted).every(([where, entry]) => {
      if (where === '') return true;
      const found = present[where];
      // Optional packages of other platforms are not installed here.
      if (found === undefined) return entry.optional === true || entry.devOptional === true || entry.peer;
      return found.version === entry.version && found.integrity === entry.integrity;
    });
    return isUpToDate && existsSync(nodeBinary);
  } catch {
    return false; // Missing or unreadable: then it is to be installed.
  }
}

/** Installs the dependencies when they are missing or not those of the lockfile; otherwise does nothing. */
export async function ensureInstalled() {
  if (isInstalled()) return;
  say('installing the dependencies (npm ci; about half a minute)');
  const onLine = (line) => {
    if (line.trim() !== '' && !line.includes('npm warn')) say(`  ${line}`);
  };
  const { code } = await npm(['ci', '--no-audit', '--no-fund'], {
    cwd: projectRoot,
    limitMs: 300_000,
    onLine,
  });
  if (code !== 0) throw new Error(`npm ci failed with exit code ${code}`);
  if (!existsSync(nodeBinary)) {
    // Where install scripts are switched off for everything (ignore-scripts), this one is still needed.
    await npm(['rebuild', 'node', '--foreground-scripts', '--ignore-scripts=false'], {
      cwd: projectRoot,
      limitMs: 120_000,
      onLine,
    });
  }
  if (!isInstalled())
    throw new Error('npm ci ended well, but node_modules is not what package-lock.json says');
  say('dependencies are installed');
}

/**
 * To be awaited first by every entry script. Returns only in a process of the project's Node with all dependencies
 * there; an older Node installs them, runs the script again under the right one, and ends with its exit code.
 * @param {string} scriptUrl `import.meta.url` of the entry script
 */
export async function underProjectNode(scriptUrl) {
  try {
    await ensureInstalled();
  } catch (error) {
    console.error(`Could not install the dependencies: ${error instanceof Error ? error.message : error}`);
    process.exit(1);
  }
  if (Number(process.versions.node.split('.')[0]) >= nodeMajor) return;
  // Same process group on purpose: Ctrl+C reaches the child by itself, and other signals are passed on.
  const child = spawn(nodeBinary, [fileURLToPath(scriptUrl), ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: toolEnvironment(),
  });
  process.removeAllListeners('SIGINT').on('SIGINT', () => undefined);
  for (const signal of ['SIGTERM', 'SIGHUP']) {
    process.removeAllListeners(signal).on(signal, () => child.kill(signal));
  }
  const code = await new Promise((resolve) => {
    child.once('exit', (exitCode) => resolve(exitCode ?? 1));
    child.once('error', () => resolve(127));
  });
  process.exit(code);
}
