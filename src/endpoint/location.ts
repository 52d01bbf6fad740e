import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * Where the engine's private files are. Bridge, engine and extension must come to the same answer from nothing
 * but the user's home folder, because nothing variable may stand in a bridge's arguments or environment.
 * `MCP_LIFELINE_HOME` moves the whole folder (tests, unusual homes).
 */
export function lifelineHome(environment: NodeJS.ProcessEnv = process.env): string {
  const override = environment['MCP_LIFELINE_HOME'];
  return override === undefined || override === '' ? join(homedir(), '.mcp-lifeline') : override;
}

/** Window ids are made by us; anything else is refused before it becomes part of a path. */
export function isWindowId(value: string): boolean {
  return /^[A-Za-z0-9_-]{1,64}$/.test(value);
}

export function endpointsFolder(home: string): string {
  return join(home, 'endpoints');
}

/** The file by which the engine of a window is found. */
export function endpointFile(home: string, window: string): string {
  return join(endpointsFolder(home), `${window}.json`);
}

/**
 * The file that names a server's last known catalogue, for a bridge that finds no engine. Server names are free
 * text, so the file is named by a hash.
 */
export function catalogueFile(home: string, window: string, server: string): string {
  const name = createHash('sha256').update(`${window}\0${server}`).digest('hex').slice(0, 32);
  return join(home, 'catalogue', `${name}.json`);
}
