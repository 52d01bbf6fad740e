import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';

/** Asked only under suspicion, and by then nobody is in a hurry. */
const PS_TIMEOUT_MS = 2_000;

/**
 * Whether the system says that a process stands still because somebody stopped it (SIGSTOP, a debugger, Ctrl+Z): it will go on where it was, so it is not
 * hung. False where that cannot be found out.
 */
export async function isStopped(pid: number): Promise<boolean> {
  try {
    const state = process.platform === 'linux' ? await stateInProc(pid) : await stateInPs(pid);
    return /^[Tt]/.test(state);
  } catch {
    return false; // it is gone, or there is no such system call here
  }
}

async function stateInProc(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The name before it may hold blanks and parentheses (proc_pid_stat(5)).
  return stat.slice(stat.lastIndexOf(')') + 2);
}

function stateInPs(pid: number): Promise<string> {
  if (process.platform === 'win32') return Promise.resolve('');
  return new Promise((resolve, reject) => {
    execFile('ps', ['-o', 'state=', '-p', String(pid)], { timeout: PS_TIMEOUT_MS }, (error, stdout) => {
      if (error === null) resolve(stdout.trim());
      else reject(new Error(`ps failed: ${error.message}`, { cause: error }));
    });
  });
}
