import { readFileSync } from 'node:fs';
import { until } from './until.ts';

/** A zombie counts as gone: it runs nothing, and a signal to it succeeds. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  if (process.platform !== 'linux') return true;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !stat.slice(stat.lastIndexOf(')')).startsWith(') Z');
  } catch {
    return false;
  }
}

/** SIGKILL, and returns when the process is gone. */
export async function killForSure(pid: number): Promise<void> {
  process.kill(pid, 'SIGKILL');
  await until(`process ${pid} is gone`, () => !isRunning(pid), 5_000);
}

/** The arguments a process was started with, joined by spaces; empty when it is gone (Linux). */
export function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}
