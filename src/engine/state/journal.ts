import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { LRUCache } from 'lru-cache';
import * as z from 'zod/mini';

/**
 * Remembers which at-most-once calls have been written to a server, so that an engine that comes after a killed
 * one never runs them again (requirements R2.4). One line per event, appended before the call is written; a plain
 * write without fsync is enough, because SIGKILL loses nothing that was written.
 */

const recordSchema = z.union([
  z.object({
    written: z.object({
      session: z.string(),
      id: z.string(),
      method: z.string(),
      tool: z.optional(z.string()),
      callId: z.string(),
      at: z.number(),
    }),
  }),
  /** `answered`: the answer has reached the bridge. `withdrawn`: it is proved that the server never got the call. */
  z.object({
    settled: z.object({ session: z.string(), id: z.string(), how: z.enum(['answered', 'withdrawn']) }),
  }),
]);

export interface WrittenCall {
  readonly session: string;
  /** JSON text. */
  readonly id: string;
  readonly method: string;
  readonly tool?: string | undefined;
  readonly callId: string;
  /** Wall-clock milliseconds. */
  readonly at: number;
}

export interface JournalVerdict {
  readonly call: WrittenCall;
  readonly answered: boolean;
}

const MAX_REMEMBERED = 20_000;
const MAX_FILE_BYTES = 4_194_304;
const MAX_INHERITED_BYTES = 67_108_864;

const keyOf = (session: string, id: string): string => `${session}\0${id}`;

export class Journal {
  readonly #folder: string;
  readonly #file: string;
  readonly #onTrouble: (message: string) => void;
  /** Calls that were written, answered ones among them: an id that comes back is never run again. */
  readonly #calls = new LRUCache<string, JournalVerdict>({ max: MAX_REMEMBERED });
  #fd: number | undefined;
  #sizeBytes = 0;
  #reliable = true;

  /**
   * Opens the window's journal. Only the window's owner may do this: it takes over what earlier, dead engines of
   * the window left. `onTrouble` is told once when the journal cannot be kept any more.
   */
  constructor(folder: string, name: string, onTrouble: (message: string) => void) {
    this.#folder = folder;
    this.#file = join(folder, `${name}.jsonl`);
    this.#onTrouble = onTrouble;
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      this.#inherit();
      this.#rewrite();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** False when a call may have been written to a server without a trace. Told to bridges, which tell the next engine. */
  get reliable(): boolean {
    return this.#reliable;
  }

  /** Records that a call is about to be written to its server. */
  written(call: WrittenCall): void {
    this.#calls.set(keyOf(call.session, call.id), { call, answered: false });
    this.#append({ written: call });
  }

  /** The answer has been handed to the kernel on its way to the client. */
  answered(session: string, id: string): void {
    const entry = this.#calls.get(keyOf(session, id));
    if (entry === undefined || entry.answered) return;
    this.#calls.set(keyOf(session, id), { call: entry.call, answered: true });
    this.#append({ settled: { session, id, how: 'answered' } });
  }

  /** It is proved that the server never received the call: it may be run again. */
  withdrawn(session: string, id: string): void {
    if (!this.#calls.delete(keyOf(session, id))) return;
    this.#append({ settled: { session, id, how: 'withdrawn' } });
  }

  /** What is known of a call that a client presents again; `undefined`: it was never written as an at-most-once call. */
  find(session: string, id: string): JournalVerdict | undefined {
    return this.#calls.get(keyOf(session, id));
  }

  /** Closes the file and leaves it for the next engine; without open calls it is removed. */
  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
    if ([...this.#calls.values()].every((entry) => entry.answered)) rmSync(this.#file, { force: true });
  }

  #inherit(): void {
    for (const name of readdirSync(this.#folder)) {
      if (!name.endsWith('.jsonl')) continue;
      const file = join(this.#folder, name);
      if (statSync(file).size > MAX_INHERITED_BYTES) {
        this.#onTrouble(`the journal ${name} is too large and was left aside`);
        continue;
      }
      for (const line of readFileSync(file, 'utf8').split('\n')) this.#readLine(line);
    }
  }

  #readLine(line: string): void {
    if (line === '') return;
    let parsed: z.infer<typeof recordSchema>;
    try {
      parsed = recordSchema.parse(JSON.parse(line));
    } catch {
      return; // the last line of a killed engine may be cut; its call had not been written yet
    }
    if ('written' in parsed) {
      this.#calls.set(keyOf(parsed.written.session, parsed.written.id), {
        call: parsed.written,
        answered: false,
      });
      return;
    }
    const { session, id, how } = parsed.settled;
    const entry = this.#calls.get(keyOf(session, id));
    if (entry === undefined) return;
    if (how === 'withdrawn') this.#calls.delete(keyOf(session, id));
    else this.#calls.set(keyOf(session, id), { call: entry.call, answered: true });
  }

  /** Starts a new file with what is remembered, and removes the old ones after it is complete. */
  #rewrite(): void {
    const lines: string[] = [];
    for (const { call, answered } of [...this.#calls.values()].reverse()) {
      lines.push(JSON.stringify({ written: call }));
      if (answered)
        lines.push(JSON.stringify({ settled: { session: call.session, id: call.id, how: 'answered' } }));
    }
    if (this.#fd !== undefined) closeSync(this.#fd);
    const next = `${this.#file}.next`;
    this.#fd = openSync(next, 'w', 0o600);
    const text = lines.map((line) => `${line}\n`).join('');
    writeSync(this.#fd, text);
    closeSync(this.#fd);
    this.#fd = undefined;
    renameSync(next, this.#file);
    for (const name of readdirSync(this.#folder)) {
      const file = join(this.#folder, name);
      if (name.endsWith('.jsonl') && file !== this.#file && statSync(file).size <= MAX_INHERITED_BYTES)
        rmSync(file);
    }
    this.#fd = openSync(this.#file, 'a', 0o600);
    this.#sizeBytes = text.length;
  }

  #append(record: z.infer<typeof recordSchema>): void {
    try {
      if (this.#fd === undefined) throw new Error('the journal is not open');
      this.#sizeBytes += writeSync(this.#fd, `${JSON.stringify(record)}\n`);
      if (this.#sizeBytes > MAX_FILE_BYTES) this.#compact();
    } catch (error) {
      this.#fail(error);
    }
  }

  #compact(): void {
    // Answered calls are only a safety net; half of them is enough to make room.
    const answered = [...this.#calls.entries()].filter(([, entry]) => entry.answered);
    for (const [key] of answered.slice(Math.floor(answered.length / 2))) this.#calls.delete(key);
    this.#rewrite();
  }

  #fail(error: unknown): void {
    if (!this.#reliable) return;
    this.#reliable = false;
    this.#onTrouble(
      `the call journal cannot be written: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
