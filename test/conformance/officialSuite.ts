import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { projectRoot } from '../support/testEngine.ts';

const suitePath = join(projectRoot, 'node_modules/@modelcontextprotocol/conformance/dist/index.js');
const tokenHook = pathToFileURL(join(import.meta.dirname, 'addToken.mjs')).href;

const startLimitMs = 15_000;
const graceMs = 10_000;

/** One check of a scenario, as the suite writes it down. */
export interface Check {
  readonly id: string;
  readonly status: string;
  readonly errorMessage?: string;
  readonly details?: unknown;
}

export interface Target {
  readonly url: string;
  /** Sent with every request; the suite has no option for that. */
  readonly token?: string;
}

export interface SuiteRun {
  readonly checks: ReadonlyMap<string, readonly Check[]>;
  readonly timedOut: boolean;
  /** The end of what the suite printed. */
  readonly output: string;
}

/** Ends a process that is ours, politely first. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
  await gone;
  clearTimeout(timer);
}

/** Starts a program that says with one line of JSON on stdout that it is ready. */
export async function startProgram(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<{ child: ChildProcess; ready: unknown }> {
  const child = spawn(process.execPath, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-8_192)));
  try {
    const first = await firstLine(child.stdout);
    return { child, ready: JSON.parse(first) as unknown };
  } catch (error) {
    await end(child);
    throw new Error(`${args.join(' ')} did not start.\n${stderr}`, { cause: error });
  }
}

function firstLine(stream: Readable): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no line within ${startLimitMs} ms`)), startLimitMs);
    createInterface({ input: stream })
      .once('line', (line) => {
        clearTimeout(timer);
        resolve(line);
      })
      .once('close', () => {
        clearTimeout(timer);
        reject(new Error('it ended before it was ready'));
      });
  });
}

/** Runs a command of the suite's program to its end, at most `limitMs`. */
async function runProgram(
  args: readonly string[],
  options: { limitMs: number; env?: NodeJS.ProcessEnv },
): Promise<{ timedOut: boolean; output: string }> {
  const child = spawn(process.execPath, args, {
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-65_536)));
  }
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    void end(child);
  }, options.limitMs);
  await once(child, 'close');
  clearTimeout(timer);
  return { timedOut, output };
}

/** Runs all server scenarios against a server, one after the other. */
export async function runSuite(target: Target, folder: string, limitMs: number): Promise<SuiteRun> {
  mkdirSync(folder, { recursive: true });
  const hook = target.token === undefined ? [] : ['--import', tokenHook];
  const args = [...hook, suitePath, 'server', '--url', target.url, '--suite', 'all', '-o', folder];
  const env = { CONFORMANCE_ORIGIN: new URL(target.url).origin, CONFORMANCE_TOKEN: target.token };
  const { timedOut, output } = await runProgram(args, { limitMs, env });
  return { checks: readResults(folder), timedOut, output };
}

/** What the suite has written: one folder for each scenario, `server-<scenario>-<time>`. */
function readResults(folder: string): Map<string, Check[]> {
  const results = new Map<string, Check[]>();
  for (const name of readdirSync(folder)) {
    const scenario = /^server-(.+?)-\d{4}-\d{2}-\d{2}T/.exec(name)?.[1];
    const file = join(folder, name, 'checks.json');
    if (scenario === undefined || !existsSync(file)) continue;
    results.set(scenario, JSON.parse(readFileSync(file, 'utf8')) as Check[]);
  }
  return results;
}

/** @returns the names of the suite's server scenarios */
export async function listScenarios(): Promise<string[]> {
  const { output } = await runProgram([suitePath, 'list', '--server'], { limitMs: startLimitMs });
  return [...output.matchAll(/^ {2}- (\S+)/gm)].map(([, name]) => name!);
}

/** What a scenario came to: the ids of its checks and how each ended. */
export function verdicts(checks: readonly Check[]): string[] {
  return checks.map(({ id, status }) => `${id}: ${status}`);
}
