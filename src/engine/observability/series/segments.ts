import { mkdirSync } from 'node:fs';
import { open, readdir, readFile, rm, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../../shared/base/clock.ts';

/** A disk that took nothing is tried again after this time. */
const RETRY_MS = 60_000;
/** Files of one kind; more are found only where clocks were wrong. */
const MAX_SEGMENTS = 64;

export interface SegmentsOptions {
  readonly folder: string;
  /** Begins the names of the files; letters and digits. */
  readonly kind: string;
  readonly clock: Clock;
  /** A new file is begun after this time. */
  readonly periodMs: number;
  /** A file is removed when nothing was added to it for this time. */
  readonly keepMs: number;
  /** Of all files together, and of what memory holds while the disk takes nothing; the oldest file goes first. */
  readonly maxBytes: number;
  /** Is told when the disk fails, and when it takes everything again. */
  readonly note: (message: string) => void;
  /** For tests: what the system does with a write. */
  readonly write?: (file: FileHandle, bytes: Buffer) => Promise<number>;
}

interface Segment {
  readonly file: string;
  /** Wall-clock milliseconds. */
  readonly startedAt: number;
  lastAt: number;
  sizeBytes: number;
  /** What is in it; only while it is written to, or the disk has not taken all of it. */
  chunks: Buffer[] | undefined;
  /** What the disk has not taken yet: the end of `chunks`. */
  unwritten: Buffer[];
}

/**
 * Records of one kind in a few append-only files, the oldest of which is removed as a whole. Appending is a matter of memory; the disk follows,
 * one write at a time, without fsync: a killed engine loses what it had not handed to the system yet. A disk that is full or read-only costs
 * the survival of the records, nothing else.
 */
export class Segments {
  readonly #options: SegmentsOptions;
  #segments: Segment[] = [];
  #current: Segment | undefined;
  #currentSince = 0;
  #handle: { readonly segment: Segment; readonly file: FileHandle } | undefined;
  #work: Promise<void> = Promise.resolve();
  #isDraining = false;
  #failedAt: number | undefined;
  #generation = 0;

  constructor(options: SegmentsOptions) {
    this.#options = options;
  }

  /** Takes over what earlier engines left. Never rejects. To be called once, before anything is appended. */
  async open(): Promise<void> {
    const { folder, clock, periodMs } = this.#options;
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      for (const name of (await readdir(folder)).sort()) {
        const startedAt = this.#startOf(name);
        if (startedAt === undefined) continue;
        const { size, mtimeMs } = await stat(join(folder, name));
        this.#segments.push({
          file: join(folder, name),
          startedAt,
          lastAt: mtimeMs,
          sizeBytes: size,
          chunks: undefined,
          unwritten: [],
        });
      }
      this.#segments.sort((a, b) => a.startedAt - b.startedAt);
      this.#prune();
      const last = this.#segments.at(-1);
      const ageMs = last === undefined ? Infinity : clock.wallNow() - last.startedAt;
      if (last === undefined || ageMs < 0 || ageMs >= periodMs || this.#isFull(last)) return;
      last.chunks = [await readFile(last.file)];
      this.#current = last;
      this.#currentSince = clock.now() - ageMs;
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Another number: a new file was begun, which must say again what goes on from the one before. */
  get generation(): number {
    this.#turn();
    return this.#generation;
  }

  get sizeBytes(): number {
    return this.#segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  }

  get heldBytes(): number {
    const lengthOf = (chunks: Buffer[] = []): number => chunks.reduce((sum, { length }) => sum + length, 0);
    return this.#segments.reduce((sum, { chunks }) => sum + lengthOf(chunks), 0);
  }

  append(records: readonly Buffer[]): void {
    if (records.length === 0) return;
    const segment = this.#turn();
    const bytes = Buffer.concat(records);
    segment.chunks?.push(bytes);
    segment.unwritten.push(bytes);
    segment.sizeBytes += bytes.length;
    segment.lastAt = this.#options.clock.wallNow();
    if (this.sizeBytes > this.#options.maxBytes) this.#prune();
    void this.#drain();
  }

  /** The bytes of every file that may tell of the time after `since` (wall-clock milliseconds), the oldest first. Never rejects. */
  async read(since = -Infinity): Promise<Buffer[]> {
    const told = this.#segments.filter(
      (_, index) => (this.#segments[index + 1]?.startedAt ?? Infinity) > since,
    );
    const all: Buffer[] = [];
    for (const segment of told) {
      // Looked at now: while one was read another may have been let go of.
      if (segment.chunks !== undefined) all.push(Buffer.concat(segment.chunks));
      else if (segment.sizeBytes <= this.#options.maxBytes)
        all.push(await readFile(segment.file).catch(() => Buffer.alloc(0)));
    }
    return all;
  }

  /** What is in the files before the one that is written to is in that one too: they go when it has it. */
  dropOlder(): void {
    const current = this.#current;
    if (current === undefined) return;
    this.#enqueue(async () => {
      if (current.unwritten.length > 0 || current !== this.#current) return;
      for (const segment of this.#segments)
        if (segment !== current) await rm(segment.file, { force: true }).catch(() => undefined);
      this.#segments = [current];
    });
  }

  /** Everything that was appended is with the system, if its disk takes it. */
  async flush(): Promise<void> {
    this.#failedAt = undefined;
    await this.#drain();
  }

  async close(): Promise<void> {
    await this.flush();
    await this.#handle?.file.close().catch(() => undefined);
    this.#handle = undefined;
  }

  #startOf(name: string): number | undefined {
    const [, kind, start] = /^([a-z0-9]+)-(\d{1,15})\.v1$/.exec(name) ?? [];
    return kind === this.#options.kind ? Number(start) : undefined;
  }

  #isFull({ sizeBytes }: Segment): boolean {
    return sizeBytes >= this.#options.maxBytes / 4;
  }

  /** The file to append to; a new one when it is time for it. */
  #turn(): Segment {
    const { clock, folder, kind, periodMs } = this.#options;
    const current = this.#current;
    if (current !== undefined && clock.now() - this.#currentSince < periodMs && !this.#isFull(current))
      return current;
    let startedAt = Math.max(0, Math.trunc(clock.wallNow()));
    while (this.#segments.some((other) => other.startedAt === startedAt)) startedAt += 1;
    const next: Segment = {
      file: join(folder, `${kind}-${startedAt}.v1`),
      startedAt,
      lastAt: clock.wallNow(),
      sizeBytes: 0,
      chunks: [],
      unwritten: [],
    };
    this.#segments.push(next);
    this.#current = next;
    this.#currentSince = clock.now();
    this.#generation += 1;
    if (current?.unwritten.length === 0) current.chunks = undefined;
    this.#prune();
    return next;
  }

  /** Lets go of what is too old or too much. */
  #prune(): void {
    const { clock, keepMs, maxBytes } = this.#options;
    const now = clock.wallNow();
    let total = this.sizeBytes;
    let count = this.#segments.length;
    this.#segments = this.#segments.filter((segment) => {
      const isOver = now - segment.lastAt > keepMs || total > maxBytes || count > MAX_SEGMENTS;
      if (segment === this.#current || !isOver) return true;
      total -= segment.sizeBytes;
      count -= 1;
      this.#enqueue(async () => {
        if (this.#handle?.segment === segment) await this.#letGo();
        await rm(segment.file, { force: true }).catch(() => undefined);
      });
      return false;
    });
  }

  #enqueue(action: () => Promise<void>): void {
    this.#work = this.#work.then(action);
  }

  /** Writes what waits; one at a time, in order. Never rejects. */
  #drain(): Promise<void> {
    if (!this.#isDraining) {
      this.#isDraining = true;
      this.#enqueue(async () => {
        this.#isDraining = false;
        await this.#writeAll();
      });
    }
    return this.#work;
  }

  async #writeAll(): Promise<void> {
    const { clock } = this.#options;
    if (this.#failedAt !== undefined && clock.now() - this.#failedAt < RETRY_MS) return;
    try {
      for (const segment of this.#segments) {
        if (segment.unwritten.length > 0) await this.#write(segment);
        if (segment !== this.#current) segment.chunks = undefined;
      }
      this.#failedAt = undefined;
    } catch (error) {
      this.#fail(error);
    }
  }

  async #write(segment: Segment): Promise<void> {
    const file = await this.#fileOf(segment);
    let bytes = Buffer.concat(segment.unwritten);
    segment.unwritten = [bytes];
    while (bytes.length > 0) {
      const write = this.#options.write ?? (async (to, what) => (await to.write(what)).bytesWritten);
      const count = await write(file, bytes);
      if (count === 0) throw new Error('the disk takes no more');
      // Of a batch that the disk takes only a part of the rest goes on where that ends.
      bytes = bytes.subarray(count);
      segment.unwritten[0] = bytes;
    }
    segment.unwritten.shift();
  }

  async #fileOf(segment: Segment): Promise<FileHandle> {
    if (this.#handle?.segment === segment) return this.#handle.file;
    await this.#letGo();
    mkdirSync(this.#options.folder, { recursive: true, mode: 0o700 });
    const file = await open(segment.file, 'a', 0o600);
    this.#handle = { segment, file };
    return file;
  }

  async #letGo(): Promise<void> {
    await this.#handle?.file.close().catch(() => undefined);
    this.#handle = undefined;
  }

  #didTell = false;

  #fail(error: unknown): void {
    this.#failedAt = this.#options.clock.now();
    if (this.#didTell) return;
    this.#didTell = true;
    const why = error instanceof Error ? error.message : String(error);
    this.#options.note(`${why}; it is kept in memory, and is lost with this engine`);
  }
}
