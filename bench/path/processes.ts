import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';

/** What the processes of a leg use, as Linux tells it in /proc. Elsewhere everything is NaN. */

/** Servers are not part of what stands before them. */
const servers = new Set(['echoServer.mjs', 'echoHttpServer.mjs', 'sdkServer.mjs']);
/** Clock ticks of /proc/PID/stat: 100 a second on every Linux that Node runs on. */
const MS_PER_TICK = 10;

function fieldsOf(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined; // ended meanwhile
  }
}

function isServer(pid: number): boolean {
  try {
    const [program = '', script = ''] = readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0');
    return basename(program) === 'sh' || servers.has(basename(script));
  } catch {
    return true; // ended meanwhile
  }
}

/** These processes and all that came from them, without the servers. */
export function withDescendants(roots: readonly number[]): number[] {
  let names: string[];
  try {
    names = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return [...roots];
  }
  const children = new Map<number, number[]>();
  for (const pid of names.map(Number)) {
    const parent = Number(fieldsOf(pid)?.[1]);
    children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const all = new Set<number>();
  const add = (pid: number): void => {
    if (all.has(pid)) return;
    all.add(pid);
    for (const child of children.get(pid) ?? []) add(child);
  };
  for (const root of roots) add(root);
  return [...all].filter((pid) => !isServer(pid));
}

/** User and system time so far. */
export function cpuMs(pids: readonly number[]): number {
  const ticks = pids.map((pid) => {
    const fields = fieldsOf(pid);
    return fields === undefined ? 0 : Number(fields[11]) + Number(fields[12]);
  });
  return ticks.length === 0 ? NaN : ticks.reduce((sum, each) => sum + each, 0) * MS_PER_TICK;
}

/** Resident memory now. */
export function rssMb(pids: readonly number[]): number {
  const kb = pids.map((pid) => {
    try {
      return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? NaN);
    } catch {
      return NaN;
    }
  });
  return kb.length === 0 ? NaN : kb.reduce((sum, each) => sum + each, 0) / 1_024;
}
