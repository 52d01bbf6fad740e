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
import { SlotMap } from '../../shared/base/slotMap.ts';

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
  /** `answered`: the answer has reached the bridge. `withdrawn`: the call may be run again after all. */
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
/** A new file is written in pieces of about this length. */
const PIECE_LENGTH = 65_536;

const keyOf = (session: string, id: string): string => `${session}\0${id}`;

export class Journal {
  readonly #folder: string;
  readonly #file: string;
  readonly #onTrouble: (message: string) => void;
  /** Calls that were written and have no answer yet: never forgotten. */
  readonly #open = new SlotMap<WrittenCall>();
  /** Answered calls: a net for answers that died on their way, so the oldest may go. */
  readonly #answered = new LRUCache<string, WrittenCall>({ max: MAX_REMEMBERED });
  #fd: number | undefined;
  #sizeBytes = 0;
  #reliable = true;
  #complete = true;
  /** Records that are still to be written, each with its line end. */
  #pending = '';
  #willFlush = false;
  /** The last record was cut by a failing disk: the next one starts on a line of its own. */
  #torn = false;

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

  /** False when an earlier engine's journal could not be read: a call that is presented again may be in it. */
  get inheritedCompletely(): boolean {
    return this.#complete;
  }

  /** Records that a call is about to be written to its server. `isLater`: whoever writes it there calls `flush` before that. */
  written(call: WrittenCall, isLater = false): void {
    const key = keyOf(call.session, call.id);
    this.#answered.delete(key);
    this.#open.set(key, call);
    this.#append({ written: call }, isLater);
  }

  /** The answer has been handed to the kernel on its way to the client. On record before anything else happens; of many at once, in one write. */
  answered(session: string, id: string): void {
    if (!this.#settle(keyOf(session, id))) return;
    // Not only when nothing is pending: what is may belong to a call that never leaves.
    if (!this.#willFlush) queueMicrotask(() => this.flush());
    this.#willFlush = true;
    this.#append({ settled: { session, id, how: 'answered' } }, true);
  }

  #settle(key: string): boolean {
    const call = this.#open.get(key);
    if (call === undefined) return false;
    this.#open.delete(key);
    this.#answered.set(key, call);
    return true;
  }

  /** It is proved that the server never received the call, or it has turned out that it may be repeated: it may be run again. */
  withdrawn(session: string, id: string): void {
    if (!this.#open.delete(keyOf(session, id))) return;
    this.#append({ settled: { session, id, how: 'withdrawn' } }, false);
  }

  /** What is known of a call that a client presents again; `undefined`: it was never written as an at-most-once call. */
  find(session: string, id: string): JournalVerdict | undefined {
    const key = keyOf(session, id);
    const open = this.#open.get(key);
    if (open !== undefined) return { call: open, answered: false };
    const answered = this.#answered.get(key);
    return answered === undefined ? undefined : { call: answered, answered: true };
  }

  /** A tool that may have changed something was handed to a server in this session, by this engine or one before it. */
  hasRunTools(session: string): boolean {
    const isOne = (call: WrittenCall): boolean => call.session === session && call.method === 'tools/call';
    return [...this.#open.values(), ...this.#answered.values()].some(isOne);
  }

  /**
   * Closes the file and leaves it for the next engine. It is removed when no call is open and no client is left: one that is may
   * still present a call whose answer was on its way.
   */
  close(clientsAreLeft: boolean): void {
    this.flush();
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
    if (this.#open.size === 0 && !clientsAreLeft) rmSync(this.#file, { force: true });
  }

  #inherit(): void {
    for (const name of readdirSync(this.#folder)) {
      const file = join(this.#folder, name);
      // Put aside by an engine that may have died before every bridge had reached it.
      if (name.endsWith('.unreadable')) this.#complete = false;
      if (!name.endsWith('.jsonl')) continue;
      try {
        if (statSync(file).size > MAX_INHERITED_BYTES) throw new Error('it is too large');
        for (const line of readFileSync(file, 'utf8').split('\n')) this.#readLine(line);
      } catch (error) {
        this.#complete = false;
        const why = error instanceof Error ? error.message : String(error);
        this.#onTrouble(`the journal ${name} of an earlier engine cannot be read and is put aside: ${why}`);
        renameSync(file, `${file}.unreadable`);
      }
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
      this.#open.set(keyOf(parsed.written.session, parsed.written.id), parsed.written);
      return;
    }
    const { session, id, how } = parsed.settled;
    if (how === 'withdrawn') this.#open.delete(keyOf(session, id));
    else this.#settle(keyOf(session, id));
  }

  /** What is remembered, as records; the oldest first. */
  *#remembered(): Generator<z.infer<typeof recordSchema>, undefined> {
    for (const call of this.#answered.rvalues()) {
      if (call === undefined) continue; // never kept; the library's type allows for fetched values
      yield { written: call };
      yield { settled: { session: call.session, id: call.id, how: 'answered' } };
    }
    for (const call of this.#open.values()) yield { written: call };
  }

  /** Starts a new file with what is remembered, and removes the old ones after it is complete. */
  #rewrite(): void {
    const next = `${this.#file}.next`;
    const fd = openSync(next, 'w', 0o600);
    let sizeBytes = 0;
    try {
      // Piece by piece: the whole text is megabytes, every few thousand calls.
      let piece = '';
      for (const record of this.#remembered()) {
        piece += `${JSON.stringify(record)}\n`;
        if (piece.length < PIECE_LENGTH) continue;
        sizeBytes += writeWhole(fd, piece);
        piece = '';
      }
      sizeBytes += writeWhole(fd, piece);
    } finally {
      closeSync(fd);
    }
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
    renameSync(next, this.#file);
    for (const name of readdirSync(this.#folder)) {
      const file = join(this.#folder, name);
      if (name.endsWith('.jsonl') && file !== this.#file && statSync(file).size <= MAX_INHERITED_BYTES)
        rmSync(file);
    }
    this.#fd = openSync(this.#file, 'a', 0o600);
    this.#sizeBytes = sizeBytes;
  }

  #append(record: z.infer<typeof recordSchema>, isLater: boolean): void {
    this.#pending += `${JSON.stringify(record)}\n`;
    if (!isLater) this.flush();
  }

  /** Writes what was left for later. */
  flush(): void {
    this.#willFlush = false;
    if (this.#pending === '') return;
    const records = this.#pending;
    this.#pending = '';
    try {
      if (this.#fd === undefined) throw new Error('the journal is not open');
      const text = `${this.#torn ? '\n' : ''}${records}`;
      this.#torn = true;
      this.#sizeBytes += writeWhole(this.#fd, text);
      this.#torn = false;
      if (this.#sizeBytes > MAX_FILE_BYTES) this.#compact();
    } catch (error) {
      this.#fail(error);
    }
  }

  #compact(): void {
    // Answered calls are only a safety net; half of them is enough to make room.
    for (const key of [...this.#answered.keys()].slice(Math.floor(this.#answered.size / 2)))
      this.#answered.delete(key);
    this.#rewrite();
  }

  #fail(error: unknown): void {
    if (!this.#reliable) return;
    this.#reliable = false;
    const why = error instanceof Error ? error.message : String(error);
    this.#onTrouble(`the call journal cannot be written: ${why}`);
  }
}

/** Writes everything or throws; a full disk takes a part and says nothing at first. Answers the bytes written. */
function writeWhole(fd: number, text: string): number {
  const bytes = Buffer.from(text);
  let written = 0;
  while (written < bytes.length) {
    const count = writeSync(fd, bytes, written);
    if (count === 0) throw new Error('the disk takes no more');
    written += count;
  }
  return written;
}
