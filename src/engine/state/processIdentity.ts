import { readFileSync } from 'node:fs';

/**
 * What tells a process from a later one with the same id: its start time as the system counts it. `undefined`
 * when the process is gone (a zombie is gone too) or the platform does not tell; then only the id is compared.
 */
export function processStartTime(pid: number): string | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    return startTimeInStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return undefined; // no such process
  }
}

/** The start time in `/proc/<pid>/stat`; `undefined` for a zombie. */
export function startTimeInStat(stat: string): string | undefined {
  // The second field is the program's name in parentheses and may hold anything, so fields count from its end.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}

/** What tells this run of the machine from others, in which the same numbers meant other processes; empty where nothing does. */
export function bootId(): string {
  if (process.platform !== 'linux') return '';
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}

export interface ProcessIdentity {
  readonly pid: number;
  readonly startTime: string | undefined;
}

export function ownIdentity(): ProcessIdentity {
  return { pid: process.pid, startTime: processStartTime(process.pid) };
}

/** Whether exactly this process is still running. */
export function isStillRunning(identity: ProcessIdentity): boolean {
  try {
    process.kill(identity.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  if (process.platform !== 'linux') return true;
  const now = processStartTime(identity.pid);
  return now !== undefined && (identity.startTime === undefined || identity.startTime === now);
}
