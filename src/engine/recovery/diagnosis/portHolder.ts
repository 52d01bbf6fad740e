import { readdir, readFile, readlink } from 'node:fs/promises';
import { basename } from 'node:path';
import { output } from '../../state/processTable.ts';
import { firstOfLsof, listeningInodes, pidInNetstat, programInTasklist } from './portTables.ts';

export interface PortHolder {
  readonly pid: number;
  /** The program's name, without path and arguments: these may hold secrets. */
  readonly program: string;
}

const MAX_PROGRAM = 256;
/** Processes and handles that are looked at; a machine with more of them keeps its secret. */
const MAX_LOOKS = 200_000;

/** Finds who listens on a TCP port of this machine. `undefined`: nobody, or somebody whom this user may not see. Never rejects. */
export async function findPortHolder(port: number): Promise<PortHolder | undefined> {
  try {
    const found = await search(port);
    return found && { pid: found.pid, program: found.program.slice(0, MAX_PROGRAM) };
  } catch {
    return undefined; // the system does not tell
  }
}

async function search(port: number): Promise<PortHolder | undefined> {
  if (process.platform === 'linux') return searchProc(port);
  if (process.platform !== 'win32')
    return firstOfLsof(await output('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fpc']));
  const pid = pidInNetstat(await output('netstat', ['-ano']), port);
  if (pid === undefined) return undefined;
  const list = await output('tasklist', ['/FI', `PID eq ${pid}`, '/FO', 'CSV', '/NH']);
  return { pid, program: programInTasklist(list) ?? '' };
}

async function searchProc(port: number): Promise<PortHolder | undefined> {
  const tables = await Promise.all(
    ['tcp', 'tcp6'].map((name) => readFile(`/proc/net/${name}`, 'utf8').catch(() => '')),
  );
  const sockets = new Set(
    tables.flatMap((table) => listeningInodes(table, port)).map((inode) => `socket:[${inode}]`),
  );
  if (sockets.size === 0) return undefined;
  let looks = 0;
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    // Another user's handles cannot be listed, and a process may end meanwhile.
    const handles = await readdir(`/proc/${pid}/fd`).catch(() => []);
    for (const handle of handles) {
      looks += 1;
      if (looks > MAX_LOOKS) return undefined;
      const target = await readlink(`/proc/${pid}/fd/${handle}`).catch(() => '');
      if (sockets.has(target)) return { pid: Number(pid), program: await programOf(pid) };
    }
  }
  return undefined;
}

async function programOf(pid: string): Promise<string> {
  const path = await readlink(`/proc/${pid}/exe`).catch(() => '');
  if (path !== '') return basename(path);
  return (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')).trim();
}
