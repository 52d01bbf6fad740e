import { chmodSync, lstatSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';

/**
 * Makes sure that a folder exists and only its user can enter it. `mkdir` with a mode does not repair a folder that
 * is there already, so owner and mode are checked; a folder of somebody else's, or a link, is refused.
 */
export function ensurePrivateFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (process.platform === 'win32') return; // the user's profile folder is private by its access list
  const info = lstatSync(folder);
  if (!info.isDirectory()) throw new Error(`${folder} is not a folder`);
  if (process.getuid !== undefined && info.uid !== process.getuid()) {
    throw new Error(`${folder} belongs to another user`);
  }
  if ((info.mode & 0o077) !== 0) chmodSync(folder, 0o700);
}

/** Writes a file so that a reader sees the old or the new text, never half of one; readable by the user alone. */
export function writeFileAtomically(file: string, text: string): void {
  const temporary = `${file}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    writeFileSync(temporary, text, { mode: 0o600 });
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** macOS allows 104 bytes for a socket's path, Linux 108; a longer one fails with EINVAL. */
export const MAX_SOCKET_PATH_BYTES = 100;

/** A fresh, unguessable address to listen on: a pipe on Windows, elsewhere a socket in a private, short folder. */
export function newSocketAddress(home: string): string {
  const name = randomBytes(8).toString('hex');
  if (process.platform === 'win32') return `\\\\.\\pipe\\mcp-lifeline-${randomBytes(16).toString('hex')}`;
  const user = process.getuid?.() ?? 0;
  const runtime = process.env['XDG_RUNTIME_DIR'];
  const folders = [
    join(home, 'run'),
    ...(runtime === undefined || runtime === '' ? [] : [join(runtime, 'mcp-lifeline')]),
    join(tmpdir(), `mcp-lifeline-${user}`),
    `/tmp/mcp-lifeline-${user}`,
  ];
  for (const folder of folders) {
    const path = join(folder, `${name}.sock`);
    if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES) continue;
    try {
      ensurePrivateFolder(folder);
      return path;
    } catch {
      continue; // not ours or not writable: the next candidate
    }
  }
  throw new Error('No folder for the engine socket is both private and short enough');
}
