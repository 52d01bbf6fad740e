import { readFileSync, statSync } from 'node:fs';

/** What an engine tells about itself in `endpoints/<window>.json` (private folder, written atomically). */
export interface EndpointInfo {
  readonly version: 1;
  readonly window: string;
  /** Unix socket path, or Windows pipe name. */
  readonly socket: string;
  /** 256 random bits, hex. Never leaves this file; both ends only prove that they know it. */
  readonly token: string;
  readonly pid: number;
  /** Wall-clock milliseconds when the engine started. */
  readonly startedAt: number;
  readonly engineVersion: string;
}

const MAX_FILE_BYTES = 16_384;

/** Parses an endpoint file's text; `undefined` when it is not a usable one. */
export function parseEndpointInfo(text: string): EndpointInfo | undefined {
  if (text.length > MAX_FILE_BYTES) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined; // half a file of somebody else's making: the same as no file
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { version, window, socket, token, pid, startedAt, engineVersion } = value as Record<string, unknown>;
  if (version !== 1 || typeof window !== 'string' || typeof socket !== 'string' || socket === '')
    return undefined;
  if (typeof token !== 'string' || !/^[0-9a-f]{64}$/.test(token)) return undefined;
  if (typeof pid !== 'number' || !Number.isInteger(pid) || pid <= 0) return undefined;
  if (typeof startedAt !== 'number' || typeof engineVersion !== 'string') return undefined;
  return { version, window, socket, token, pid, startedAt, engineVersion };
}

/** Reads an endpoint file; `undefined` when there is none, or none that can be used. */
export function readEndpointFile(path: string): EndpointInfo | undefined {
  try {
    if (!statSync(path).isFile()) return undefined; // a pipe would be read for ever
    return parseEndpointInfo(readFileSync(path, 'utf8'));
  } catch {
    return undefined; // absent, or not ours to read: either way there is no engine to be found through it
  }
}

/** Whether a process with this id exists (a zombie counts; the handshake then decides). */
export function isProcessAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
