import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';

const script = join(import.meta.dirname, 'engineProbe.mjs');

/** How an engine is started that can be looked into. */
export function probed(
  socket: string,
  extra: NodeJS.ProcessEnv = {},
): { nodeArgs: readonly string[]; env: NodeJS.ProcessEnv } {
  return { nodeArgs: ['--expose-gc', '--import', script], env: { PROBE_SOCKET: socket, ...extra } };
}

export interface EngineState {
  readonly heapMb: number;
  /** Of it: machine code and what belongs to it, which grows while functions become hot. */
  readonly codeMb: number;
  /** What small collections have moved among the old objects since the last look. */
  readonly becameOldMb: number;
  /** The most that the young generation has grown to; only of an engine that is put under pressure. */
  readonly youngMb: number;
  readonly rssMb: number;
  readonly pssMb: number;
  readonly fds: number;
  readonly sockets: number;
  readonly timers: number;
  /** Processes that it has started and that are there, the guardian with them. */
  readonly children: number;
}

const codeSpaces = ['code_space', 'code_large_object_space', 'trusted_space', 'trusted_large_object_space'];

/** The engine after a full collection of its heap. */
export async function lookInto(socket: string, pid: number): Promise<EngineState> {
  const text = await new Promise<string>((resolve, reject) => {
    let received = '';
    createConnection({ path: socket })
      .setEncoding('utf8')
      .on('data', (chunk: string) => (received += chunk))
      .on('end', () => resolve(received))
      .on('error', reject);
  });
  interface Said {
    memory: { heapUsed: number; rss: number };
    resources: Record<string, number>;
    spaces: Record<string, number>;
    oldBytes: number;
    youngBytes: number;
  }
  const { memory, resources, spaces, oldBytes, youngBytes } = JSON.parse(text) as Said;
  const open = openFiles(pid);
  return {
    heapMb: memory.heapUsed / 1_048_576,
    codeMb: codeSpaces.reduce((sum, name) => sum + (spaces[name] ?? 0), 0) / 1_048_576,
    youngMb: youngBytes / 1_048_576,
    becameOldMb: oldBytes / 1_048_576,
    rssMb: memory.rss / 1_048_576,
    pssMb: pssMb(pid),
    fds: open.length,
    sockets: open.filter((target) => target.startsWith('socket:')).length,
    timers: resources['Timeout'] ?? 0,
    children: childrenOf(pid).length,
  };
}

function openFiles(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).flatMap((name) => {
    try {
      return [readlinkSync(join(folder, name))];
    } catch {
      return []; // closed meanwhile
    }
  });
}

function pssMb(pid: number): number {
  const kb = /Pss:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1];
  return Number(kb) / 1_024;
}

/** The processes whose parent it is. */
export function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] === String(pid);
      } catch {
        return false; // ended meanwhile
      }
    })
    .map(Number);
}

/** Processes with that text in their environment, which every process of a bed has. */
export function processesOf(home: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((name) => {
      try {
        return readFileSync(`/proc/${name}/environ`, 'latin1').includes(home);
      } catch {
        return false;
      }
    })
    .map(Number);
}
