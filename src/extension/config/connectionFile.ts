import { open, stat } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import type { Clock } from '../../shared/base/clock.ts';
import type { Disposable } from '../../shared/base/disposable.ts';
import { settingsPrefix } from '../../shared/contributions.ts';
import type { SettingsProblem } from '../../shared/model/snapshot.ts';
import type { GlobalSettings } from '../../shared/settings/globalSettings.ts';

/** What the file of `mcpLifeline.connectionFile` says. */
export interface ConnectionFileContents {
  readonly settings: GlobalSettings | undefined;
  readonly problems: readonly SettingsProblem[];
}

export interface PathContext {
  readonly home: string;
  readonly workspaceFolder: string | undefined;
  /** Files of a workspace that is not trusted do not count, whoever named them (requirements R1.6). */
  readonly isTrusted: boolean;
}

export const noConnectionFile: ConnectionFileContents = { settings: undefined, problems: [] };
const PLACE = `${settingsPrefix}.connectionFile`;
/** A file may be replaced, or lie where nothing tells of changes; looking at its date costs next to nothing. */
const LOOK_INTERVAL_MS = 2_000;
const MAX_PATH = 4_096;

/** The file that is meant: `~`, `${userHome}` and `${workspaceFolder}` count at the beginning; a relative path begins at the workspace folder. */
export function resolveFilePath(
  written: string,
  { home, workspaceFolder: folder, isTrusted }: PathContext,
): string | SettingsProblem {
  const workspaceFolder = isTrusted ? folder : undefined;
  const bad = (message: string): SettingsProblem => ({ path: PLACE, message: `${message}; it is ignored` });
  if (written.length > MAX_PATH || written.includes('\0')) return bad('must be the path of a file');
  const [, variable, rest = written] =
    /^(?:\$\{(userHome|workspaceFolder)\}|~(?=$|[\\/]))(.*)$/s.exec(written) ?? [];
  if (rest.includes('${'))
    return bad('knows only the variables ${userHome} and ${workspaceFolder}, at its beginning');
  if (variable === 'userHome' || (variable === undefined && rest !== written)) return join(home, rest);
  if (variable === 'workspaceFolder' && workspaceFolder === undefined)
    return bad('begins with ${workspaceFolder}, but no folder is open, or none that is trusted');
  if (variable === 'workspaceFolder') return join(workspaceFolder ?? '', rest);
  // Otherwise it would depend on where the editor was started.
  if (workspaceFolder === undefined && !isAbsolute(rest))
    return bad('is relative, but no folder is open, or none that is trusted');
  return resolve(workspaceFolder ?? '', rest);
}

/** Reads the file that a setting names, again whenever it changes. Nobody waits for it. */
export class ConnectionFile implements Disposable {
  readonly #clock: Clock;
  readonly #onChange: () => void;
  #path: string | undefined;
  #current = noConnectionFile;
  #seen: string | undefined;
  #timer: Disposable | undefined;
  /** Counts what was asked for; what an earlier look still finds is dropped. */
  #use = 0;

  /** `onChange` is called when the file says something else than before. */
  constructor(clock: Clock, onChange: () => void) {
    this.#clock = clock;
    this.#onChange = onChange;
  }

  get current(): ConnectionFileContents {
    return this.#current;
  }

  /** The setting's value, as it is. What was read of another file does not count from now on. */
  use(written: unknown, context: PathContext): void {
    const named = typeof written === 'string' ? written.trim() : '';
    const isMissing = written === undefined || written === null || named === '';
    const path = isMissing ? undefined : resolveFilePath(named, context);
    if (typeof path === 'string' && path === this.#path) return;
    this.dispose();
    this.#current = noConnectionFile;
    if (isMissing && written !== undefined && written !== null && written !== '')
      this.#current = {
        settings: undefined,
        problems: [{ path: PLACE, message: 'must be the path of a file; it is ignored' }],
      };
    if (typeof path === 'object') this.#current = { settings: undefined, problems: [path] };
    if (typeof path !== 'string') return;
    this.#path = path;
    void this.#look(path, this.#use);
  }

  dispose(): void {
    this.#timer?.dispose();
    this.#use += 1;
    this.#path = undefined;
    this.#seen = undefined;
  }

  async #look(path: string, use: number): Promise<void> {
    const mark = await markOf(path);
    if (this.#use !== use) return;
    if (mark !== this.#seen) {
      const contents = await readConnectionFile(path);
      if (this.#use !== use) return;
      this.#seen = mark;
      const differs = JSON.stringify(contents) !== JSON.stringify(this.#current);
      this.#current = contents;
      if (differs) this.#onChange();
    }
    this.#timer = this.#clock.setTimer(LOOK_INTERVAL_MS, () => void this.#look(path, use));
  }
}

async function markOf(path: string): Promise<string> {
  try {
    const { mtimeMs, size, ino } = await stat(path);
    return `${mtimeMs} ${size} ${ino}`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown';
  }
}

/** Reads a file once, within limits. Never rejects: what is wrong is among the problems. */
export async function readConnectionFile(path: string): Promise<ConnectionFileContents> {
  const problem = (message: string): ConnectionFileContents => ({
    settings: undefined,
    problems: [{ path, message: `${message}. Nothing of it is used.` }],
  });
  try {
    const info = await stat(path);
    // A pipe or a device would be read for ever.
    if (!info.isFile()) return problem('is not a file');
    // Most people have no such file, and a parser of comments is not needed before.
    const library = await import('../../shared/settings/connectionFileText.ts').catch(() => undefined);
    if (library === undefined)
      return problem('was not read: a part of MCP Lifeline could not be loaded, reload the window');
    const { MAX_CONNECTION_FILE_BYTES, parseConnectionFile } = library;
    if (info.size > MAX_CONNECTION_FILE_BYTES)
      return problem(`is larger than ${MAX_CONNECTION_FILE_BYTES} bytes`);
    const file = await open(path, 'r');
    try {
      // It may have grown since.
      const { buffer, bytesRead } = await file.read(Buffer.alloc(info.size), 0, info.size, 0);
      return parseConnectionFile(buffer.toString('utf8', 0, bytesRead), path);
    } finally {
      await file.close();
    }
  } catch (error) {
    return problem(`cannot be read: ${(error as NodeJS.ErrnoException).code ?? String(error)}`);
  }
}
