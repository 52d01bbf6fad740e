import { sleep, type Clock } from '../../shared/base/clock.ts';
import { earlierLists, removeList, type ListedProcess } from '../state/processList.ts';
import { markOf, runningProcesses, type RunningProcess } from '../state/processTable.ts';

export interface OrphanOptions {
  readonly clock: Clock;
  /** Where the engines of the window keep their lists. */
  readonly folder: string;
  readonly window: string;
  readonly log: (text: string) => void;
}

/** Between SIGTERM and SIGKILL, as the guardian does; their input has ended long ago. */
const FIRM_MS = 1_000;
/** After SIGKILL. One that does not go even then (it waits for a disk) is left behind, and stays listed. */
const SURE_MS = 1_000;
const POLL_MS = 25;

/**
 * Ends what dead engines of this window have left, and their guardians did not end (requirements R5.4). The caller owns the window's lock. A
 * group is ended only when its leader is exactly the process that was listed, or when the leader is gone and a member carries our mark; a
 * number that was given to somebody else since is left alone. Answers how many groups were ended; never rejects.
 */
export async function endOrphans(options: OrphanOptions): Promise<number> {
  const { folder, window, log } = options;
  const lists = earlierLists(folder);
  const listed = lists.flatMap(({ processes }) => processes);
  let ended = 0;
  let left: ReadonlySet<number> = new Set();
  if (listed.length > 0) {
    const running = await runningProcesses();
    const orphans = listed.filter((one) => isOrphan(one, running, window));
    if (orphans.length > 0) {
      const names = [...new Set(orphans.map(({ server }) => server))].join(', ');
      log(
        `processes of an engine that was killed are ended: ${names} (${orphans.map((one) => one.pid).join(', ')})`,
      );
      left = await endGroups(new Set(orphans.map((one) => one.pid)), options.clock);
      ended = orphans.length - left.size;
    }
  }
  for (const { file, processes } of lists) if (!processes.some((one) => left.has(one.pid))) removeList(file);
  return ended;
}

/** Whether the listed group is still that group. */
export function isOrphan(
  { pid, startTime, server }: ListedProcess,
  running: readonly RunningProcess[],
  window: string,
): boolean {
  const members = running.filter(({ group }) => group === pid);
  const leader = running.find((one) => one.pid === pid);
  const isMarked = (one: RunningProcess): boolean => one.carries(markOf(window, server));
  if (leader === undefined) return members.some(isMarked);
  // A leader of a group that is not its own never was one of ours; and this process is none of its own orphans.
  if (leader.group !== pid || pid === process.pid) return false;
  if (startTime !== undefined && leader.startTime !== undefined) return leader.startTime === startTime;
  return isMarked(leader);
}

/** Ends process groups, firm and then sure. Answers those that are still there. */
export async function endGroups(groups: ReadonlySet<number>, clock: Clock): Promise<ReadonlySet<number>> {
  let left = groups;
  for (const [signal, limitMs] of [
    ['SIGTERM', FIRM_MS],
    ['SIGKILL', SURE_MS],
  ] as const) {
    for (const group of left) signalGroup(group, signal);
    const until = clock.now() + limitMs;
    for (;;) {
      const running = await runningProcesses();
      left = new Set([...left].filter((group) => running.some((one) => one.group === group)));
      if (left.size === 0) return left;
      if (clock.now() >= until) break;
      await sleep(clock, POLL_MS);
    }
  }
  return left;
}

function signalGroup(group: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(-group, signal);
  } catch {
    // gone meanwhile
  }
}
