import { readdirSync, readFileSync } from 'node:fs';

/** CPU time so far of all threads of these processes, in milliseconds: to the nanosecond, where /proc/PID/stat has hundredths of a second. */
export function threadsMs(pids: readonly number[]): number {
  let ns = 0;
  for (const pid of pids) {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      try {
        ns += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ')[0]);
      } catch {
        // ended meanwhile
      }
    }
  }
  return ns / 1e6;
}
