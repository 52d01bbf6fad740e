import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { writeFileAtomically } from './privateFolder.ts';
import {
  bootId,
  isStillRunning,
  ownIdentity,
  processStartTime,
  type ProcessIdentity,
} from './processIdentity.ts';

/**
 * Which server processes this engine has started, on disk, so that the next engine of the window can end what is left when engine and
 * guardian were both killed (requirements R5.4). Each engine has a file of its own; only the window's owner reads those of others.
 */

const MAX_FILE_BYTES = 1_048_576;
const MAX_FILES = 200;
const MAX_PROCESSES = 5_000;

const text = (max: number) => z.string().check(z.maxLength(max));
// Never 0, 1 or negative: as groups these are everybody.
const pid = z.int().check(z.gte(2), z.lte(4_194_304));
const processSchema = z.object({ pid, startTime: z.optional(text(32)), server: text(256) });
const fileSchema = z.object({
  version: z.literal(1),
  boot: text(64),
  engine: z.object({ pid, startTime: z.optional(text(32)) }),
  processes: z.array(processSchema).check(z.maxLength(MAX_PROCESSES)),
});

export type ListedProcess = z.infer<typeof processSchema>;

/** What an engine before this one has left. */
export interface EarlierList {
  readonly file: string;
  readonly processes: readonly ListedProcess[];
}

export class ProcessList {
  readonly #file: string;
  readonly #folder: string;
  readonly #onTrouble: (message: string) => void;
  readonly #boot = bootId();
  readonly #engine: ProcessIdentity = ownIdentity();
  readonly #processes = new Map<number, ListedProcess>();
  #troubled = false;

  /** `onTrouble` is told once when the list cannot be kept: everything else goes on without it. */
  constructor(folder: string, name: string, onTrouble: (message: string) => void) {
    this.#folder = folder;
    this.#file = join(folder, `${name}.json`);
    this.#onTrouble = onTrouble;
  }

  /** Notes a process that leads a group of its own. */
  add(pid: number, server: string): void {
    const startTime = processStartTime(pid);
    this.#processes.set(pid, { pid, server, ...(startTime === undefined ? {} : { startTime }) });
    this.#save();
  }

  /** Its whole group is gone. */
  remove(pid: number): void {
    if (this.#processes.delete(pid)) this.#save();
  }

  /** The server whose group this is now. */
  serverOf(group: number): string | undefined {
    return this.#processes.get(group)?.server;
  }

  /** What runs of a server now. */
  of(server: string): ListedProcess[] {
    return [...this.#processes.values()].filter((one) => one.server === server);
  }

  #save(): void {
    try {
      if (this.#processes.size === 0) {
        rmSync(this.#file, { force: true });
        return;
      }
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
      const { pid: enginePid, startTime } = this.#engine;
      const engine = { pid: enginePid, ...(startTime === undefined ? {} : { startTime }) };
      const processes = [...this.#processes.values()].slice(-MAX_PROCESSES);
      writeFileAtomically(this.#file, JSON.stringify({ version: 1, boot: this.#boot, engine, processes }));
    } catch (error) {
      if (this.#troubled) return;
      this.#troubled = true;
      const why = error instanceof Error ? error.message : String(error);
      this.#onTrouble(`the list of processes cannot be kept: ${why}`);
    }
  }
}

/** The lists of dead engines of this run of the machine. What cannot be used is removed; never throws. */
export function earlierLists(folder: string): EarlierList[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return []; // nothing was ever listed
  }
  const boot = bootId();
  return names.slice(0, MAX_FILES).flatMap((name) => {
    const file = join(folder, name);
    const list = readList(file);
    if (list?.boot === boot) {
      const { engine, processes } = list;
      // An engine that still runs ends its servers itself.
      return isStillRunning({ pid: engine.pid, startTime: engine.startTime }) ? [] : [{ file, processes }];
    }
    removeList(file);
    return [];
  });
}

function readList(file: string): z.infer<typeof fileSchema> | undefined {
  try {
    if (statSync(file).size > MAX_FILE_BYTES) return undefined;
    return fileSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined; // half written by a failing disk, or none of ours
  }
}

/** What was on it is gone. */
export function removeList(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // The next engine looks at it again, and finds nobody.
  }
}
