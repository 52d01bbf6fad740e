import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { startTimeInStat } from './processIdentity.ts';

/**
 * Which processes run now, and which of them are ours. A server's process has a mark in its environment, which what it starts inherits; nobody
 * else has it. Names of programs are never compared.
 */

export const MARK_VARIABLE = 'MCP_LIFELINE_PROCESS_OF';

/** The mark of a server of a window. A hash: names of servers may hold anything. */
export function markOf(window: string, server: string): string {
  return `${window}.${createHash('sha256').update(server).digest('hex').slice(0, 16)}`;
}

export interface RunningProcess {
  readonly pid: number;
  /** Of its process group: the pid of the group's leader. */
  readonly group: number;
  /** As `processIdentity.ts` has it; absent where the platform does not tell. */
  readonly startTime: string | undefined;
  /** Whether its environment has exactly this mark. */
  readonly carries: (mark: string) => boolean;
}

const PS_LIMIT_MS = 2_000;
const MAX_PS_BYTES = 16_777_216;

/** The processes that run now, without zombies. Empty where the platform does not tell (Windows). Never rejects. */
export async function runningProcesses(): Promise<RunningProcess[]> {
  if (process.platform === 'linux') return linuxProcesses();
  if (process.platform === 'win32') return [];
  // `-E`: with the environment, of one's own processes.
  return parsePs(await output('ps', ['-A', '-E', '-ww', '-o', 'pid=,pgid=,stat=,command=']));
}

function linuxProcesses(): RunningProcess[] {
  return namesIn('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const found = parseStat(Number(name), readFileSync(`/proc/${name}/stat`, 'utf8'));
        return found === undefined ? [] : [found];
      } catch {
        return []; // ended meanwhile
      }
    });
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // no handles left, or a container without it
  }
}

/** A line of `/proc/<pid>/stat`; `undefined` for a zombie. */
export function parseStat(pid: number, stat: string): RunningProcess | undefined {
  const startTime = startTimeInStat(stat);
  if (startTime === undefined) return undefined;
  const [, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { pid, group: Number(group), startTime, carries: (mark) => hasMark(environmentOf(pid), '\0', mark) };
}

/** As the process was started with; empty when it may not be read. */
function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1');
  } catch {
    return ''; // ended, or somebody else's
  }
}

/** The output of `ps -A -E -ww -o pid=,pgid=,stat=,command=`. */
export function parsePs(text: string): RunningProcess[] {
  return text.split('\n').flatMap((line) => {
    const [, pid, group, state = '', command = ''] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
    if (pid === undefined || state.startsWith('Z')) return [];
    const carries = (mark: string): boolean => hasMark(command, ' ', mark);
    return [{ pid: Number(pid), group: Number(group), startTime: undefined, carries }];
  });
}

function hasMark(environment: string, separator: string, mark: string): boolean {
  return `${separator}${environment}${separator}`.includes(
    `${separator}${MARK_VARIABLE}=${mark}${separator}`,
  );
}

/** What a program of the system prints; empty when it fails or takes too long. */
export function output(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    const options = { timeout: PS_LIMIT_MS, maxBuffer: MAX_PS_BYTES, windowsHide: true };
    execFile(command, [...args], options, (error, stdout) => resolve(error === null ? stdout : ''));
  });
}
