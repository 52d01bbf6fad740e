/**
 * Starting child processes and ending them for sure. Everything that the scripts start goes through here: each child
 * leads its own process group, and whatever is still registered when this process ends is ended with it.
 */
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';

const isWindows = process.platform === 'win32';

/**
 * Children inherit a variable of this name and a random ending, so that those which left their parent's group and tree
 * can still be found (Linux). One variable for each level, so that an outer script finds what an inner one lost.
 */
const markPrefix = 'SCRIPTS_STARTED_';

/** @type {Set<() => void>} Ends something at once, without waiting. */
const lastResorts = new Set();
/** @type {Set<() => Promise<void>>} */
const cleanups = new Set();
let handlersInstalled = false;
let endingBySignal = false;

function installHandlers() {
  if (handlersInstalled) return;
  handlersInstalled = true;
  process.on('exit', () => lastResorts.forEach((end) => end()));
  for (const [signal, number] of [
    ['SIGINT', 2],
    ['SIGTERM', 15],
    ['SIGHUP', 1],
  ]) {
    process.on(signal, () => {
      // A second Ctrl+C does not wait: the exit handler above ends what is left.
      if (endingBySignal) process.exit(128 + number);
      endingBySignal = true;
      void Promise.allSettled([...cleanups].map((cleanup) => cleanup())).then(() => {
        process.exit(128 + number);
      });
    });
  }
}

/** @returns {boolean} this process has been told to end, and is ending what it started */
export function isInterrupted() {
  return endingBySignal;
}

/**
 * Runs `cleanup` when this process is told to end by a signal.
 * @param {() => Promise<void>} cleanup
 * @returns {() => void} forgets the cleanup
 */
export function onInterrupt(cleanup) {
  installHandlers();
  cleanups.add(cleanup);
  return () => {
    cleanups.delete(cleanup);
  };
}

/**
 * @typedef {{ pid: number, parent: number, group: number, started: string, state: string, name: string }} ProcessInfo
 * @returns {ProcessInfo[]} every process of this machine; empty on Windows, where `taskkill /T` knows the tree
 */
export function listProcesses() {
  if (isWindows) return [];
  if (process.platform === 'linux') {
    return readdirSync('/proc').flatMap((entry) => {
      if (!/^\d+$/.test(entry)) return [];
      try {
        const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
        // The name stands in parentheses and may itself contain any character.
        const afterName = stat.lastIndexOf(')');
        const name = stat.slice(stat.indexOf('(') + 1, afterName);
        const [state, parent, group, ...rest] = stat.slice(afterName + 2).split(' ');
        return [
          {
            pid: Number(entry),
            parent: Number(parent),
            group: Number(group),
            started: rest[16],
            state,
            name,
          },
        ];
      } catch {
        return []; // It ended while we were reading.
      }
    });
  }
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid=,pgid=,state=,lstart=,comm='], {
    encoding: 'utf8',
  });
  return (stdout ?? '').split('\n').flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(\S+\s+\S+\s+\S+\s+\S+\s+\S+)\s+(.*)$/.exec(line);
    if (match === null) return [];
    const [, pid, parent, group, state, started, name] = match;
    return [
      { pid: Number(pid), parent: Number(parent), group: Number(group), started, state: state[0], name },
    ];
  });
}

/** @param {ProcessInfo} info */
function isSameAndAlive(info, all = listProcesses()) {
  return all.some((now) => now.pid === info.pid && now.started === info.started && now.state !== 'Z');
}

/**
 * @param {number} pid
 * @param {string} [mark]
 * @returns {ProcessInfo[]} the processes below `pid`, and those that carry its mark, alive now
 */
export function descendants(pid, mark) {
  const all = listProcesses().filter((info) => info.state !== 'Z');
  const found = new Map();
  const add = (/** @type {number} */ parent) => {
    for (const info of all) {
      if (info.parent !== parent || found.has(info.pid)) continue;
      found.set(info.pid, info);
      add(info.pid);
    }
  };
  add(pid);
  if (mark !== undefined) for (const info of markedProcesses(mark, all)) found.set(info.pid, info);
  found.delete(pid);
  found.delete(process.pid);
  return [...found.values()];
}

/**
 * The processes that were started, however indirectly, with the mark in their environment. Linux only.
 * @param {string} mark
 */
export function markedProcesses(mark, all = listProcesses()) {
  if (process.platform !== 'linux') return [];
  return all.filter((info) => {
    if (info.pid === process.pid || info.state === 'Z') return false;
    try {
      return readFileSync(`/proc/${info.pid}/environ`, 'latin1').includes(`${mark}=1\0`);
    } catch {
      return false; // Not ours to read, or gone.
    }
  });
}

/** @param {number} target a process id, or minus a group id */
function signalQuietly(target, signal) {
  try {
    process.kill(target, signal);
  } catch {
    // It has ended already, which is what we want.
  }
}

/**
 * Waits until `isDone`, looking often at first.
 * @returns {Promise<boolean>} false when the time was up first
 */
async function becomes(isDone, limitMs) {
  const end = performance.now() + limitMs;
  for (let pause = 10; !isDone(); pause = Math.min(pause * 1.5, 200)) {
    if (performance.now() > end) return false;
    await delay(pause);
  }
  return true;
}

/**
 * @typedef {object} StartOptions
 * @property {string} [cwd]
 * @property {NodeJS.ProcessEnv} [env] the whole environment; default: this process's
 * @property {'inherit' | 'pipe' | 'ignore'} [output] what becomes of stdout and stderr; default `inherit`
 * @property {string} [logFile] stdout and stderr go into this file instead
 * @property {boolean} [shell] needed for `.cmd` files on Windows
 */

/**
 * @typedef {object} Started
 * @property {import('node:child_process').ChildProcess} child
 * @property {number} pid
 * @property {Promise<{ code: number | null, signal: NodeJS.Signals | null }>} exited never rejects; code 127 when it could not be started
 * @property {() => ProcessInfo[]} rest what came from the process and is alive, wherever it has gone (Linux; elsewhere only its tree)
 * @property {(options?: EndOptions) => Promise<void>} end ends the process and, by default, everything that came from it
 */

/**
 * @typedef {object} EndOptions
 * @property {number} [graceMs] how long the polite request may take; default 5,000
 * @property {boolean} [leaveDetached] leave alone what has a process group of its own, to see that it ends by itself; a
 *   later call without it ends the rest (not on Windows, where groups are not known)
 */

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @param {StartOptions} [options]
 * @returns {Started}
 */
export function start(command, args, options = {}) {
  installHandlers();
  const mark = `${markPrefix}${randomUUID().replaceAll('-', '')}`;
  const file = options.logFile === undefined ? undefined : openSync(options.logFile, 'a');
  const output = file ?? options.output ?? 'inherit';
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...(options.env ?? process.env), [mark]: '1' },
    stdio: ['ignore', output, output],
    detached: !isWindows,
    shell: options.shell ?? false,
  });
  if (file !== undefined) closeSync(file);
  let isOver = false;
  const exited = new Promise((resolve) => {
    const over = (result) => {
      isOver = true;
      resolve(result);
    };
    child.once('exit', (code, signal) => over({ code, signal }));
    child.once('error', () => over({ code: 127, signal: null }));
  });
  const pid = child.pid ?? -1;

  const lastResort = () => {
    if (pid <= 0) return;
    if (isWindows) {
      if (!isOver) spawnSync('taskkill', ['/pid', String(pid), '/t', '/f'], { stdio: 'ignore' });
      return;
    }
    for (const info of descendants(pid, mark)) signalQuietly(info.pid, 'SIGKILL');
    signalQuietly(-pid, 'SIGKILL');
  };
  lastResorts.add(lastResort);

  const endGroup = async (/** @type {number} */ graceMs) => {
    signalQuietly(-pid, 'SIGTERM');
    const inGroup = () => listProcesses().some((info) => info.group === pid && info.state !== 'Z');
    if (!(await becomes(() => !inGroup(), graceMs))) signalQuietly(-pid, 'SIGKILL');
    await exited;
  };
  const endAllOfIt = async (/** @type {number} */ graceMs) => {
    if (pid > 0 && isWindows) {
      if (!isOver) spawnSync('taskkill', ['/pid', String(pid), '/t', '/f'], { stdio: 'ignore' });
    } else if (pid > 0) {
      // Looked at before the parent goes: an orphan's parent is init, and the tree could not be followed any more.
      const before = descendants(pid, mark);
      await endGroup(graceMs);
      await endAll([...before, ...descendants(pid, mark)], graceMs);
    }
    await exited;
    lastResorts.delete(lastResort);
    forget();
  };
  /** @type {Promise<void> | undefined} */
  let ending;
  const end = (/** @type {EndOptions} */ { graceMs = 5_000, leaveDetached = false } = {}) => {
    if (leaveDetached && !isWindows) return endGroup(graceMs);
    ending ??= endAllOfIt(graceMs);
    return ending;
  };
  const forget = onInterrupt(() => end());
  // A short-lived child without descendants needs no ending; one that left some behind keeps its last resort.
  void exited.then(() => {
    if (ending === undefined && descendants(pid, mark).length === 0) {
      lastResorts.delete(lastResort);
      forget();
    }
  });
  return { child, pid, exited, end, rest: () => descendants(pid, mark) };
}

/**
 * Ends single processes, politely first.
 * @param {readonly ProcessInfo[]} targets
 */
async function endAll(targets, graceMs) {
  const alive = () => {
    const all = listProcesses();
    return targets.filter((info) => isSameAndAlive(info, all));
  };
  for (const info of alive()) signalQuietly(info.pid, 'SIGTERM');
  if (await becomes(() => alive().length === 0, graceMs)) return;
  for (const info of alive()) signalQuietly(info.pid, 'SIGKILL');
  await becomes(() => alive().length === 0, 2_000);
}

/**
 * @typedef {object} RunOptions
 * @property {number} limitMs
 * @property {() => boolean} [isDone] says that its work is finished: then it has 20 s left to exit
 * @property {number} [lingerMs] how long what it started may outlive it; default 0
 * @property {(line: string) => void} [onLine] gets each line of both outputs
 */

/**
 * Runs a command to its end, at most `limitMs`; then it and everything it started is ended.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {StartOptions & RunOptions} options
 * @returns {Promise<{ code: number, timedOut: boolean, output: string, leftBehind: string[] }>} `output` only with
 *   `output: 'pipe'`, its last 64 KB; `leftBehind` says which processes had to be ended
 */
export async function run(command, args, { limitMs, isDone, lingerMs = 0, onLine, ...options }) {
  const started = start(command, args, { ...options, ...(onLine === undefined ? {} : { output: 'pipe' }) });
  let output = '';
  for (const stream of [started.child.stdout, started.child.stderr]) {
    if (stream === null) continue;
    stream.setEncoding('utf8');
    stream.on('data', (text) => {
      output = (output + text).slice(-65_536);
    });
    if (onLine !== undefined) createInterface({ input: stream }).on('line', onLine);
  }
  let isOver = false;
  void started.exited.then(() => {
    isOver = true;
  });
  const end = performance.now() + limitMs;
  await becomes(() => isOver || isDone?.() === true, limitMs);
  if (!isOver) await becomes(() => isOver, Math.min(exitLimitMs, Math.max(0, end - performance.now())));
  const result = isOver ? await started.exited : undefined;
  if (lingerMs > 0 && result !== undefined) await becomes(() => started.rest().length === 0, lingerMs);
  const leftBehind = started.rest().map((info) => `${info.pid} (${info.name})`);
  await started.end();
  if (options.output === 'pipe' || onLine !== undefined) {
    // The last lines may still be in the pipe when the process has gone; after end() nobody holds it open.
    await becomes(() => started.child.stdout?.readableEnded === true, 1_000);
  }
  return {
    code: result === undefined ? 124 : (result.code ?? 1),
    timedOut: result === undefined,
    output,
    leftBehind,
  };
}

/** For a program that has finished its work, to exit. */
const exitLimitMs = 20_000;

const zero = performance.now();

/** One line of progress. */
export function say(text) {
  console.log(`[${((performance.now() - zero) / 1_000).toFixed(1).padStart(5)} s] ${text}`);
}

/**
 * @param {string} file
 * @returns {string} the file's absolute path as it stands in URLs: forward slashes, one at the beginning
 */
export function toPathOfUrl(file) {
  const absolute = path.resolve(file).replaceAll(path.sep, '/');
  return absolute.startsWith('/') ? absolute : `/${absolute}`;
}
