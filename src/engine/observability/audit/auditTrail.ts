import { mkdirSync, rmSync } from 'node:fs';
import { open, rename, writeFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../../shared/base/clock.ts';
import type { Disposable } from '../../../shared/base/disposable.ts';
import {
  auditFileName,
  auditFiles,
  firstSeqOf,
  HEAD_FILE,
  oldestSeq,
  readChainEnd,
  readHead,
} from './auditFolder.ts';
import { LineSeal, NO_HASH, sealLine } from './auditLine.ts';
import { PacketScanner, type PacketReader, type ScannedCall } from './auditPacket.ts';
import type { SinkStatus } from './auditFeed.ts';
import { CallLines } from './callLines.ts';

/** What was written is brought to the disk (fdatasync) this often while anything comes, and at the end. */
const SYNC_INTERVAL_MS = 1_000;
/** Written at once; more waits for the next turn of the event loop. */
const MAX_WRITE_BYTES = 524_288;
/** Waiting for a disk that takes none; beyond it records are lost, and counted. */
const MAX_WAITING = 20_000;
/** A disk that took nothing is tried again after this time. */
const RETRY_MS = 5_000;
const MAX_FILE_BYTES = 8_388_608;
/** Files of a chain: 64 MB in all. The oldest is removed when there is one more. */
const MAX_FILES = 8;

export interface AuditOptions {
  readonly folder: string;
  readonly clock: Clock;
  readonly engine: { readonly pid: number; readonly version: string };
  /** The trail has a line for this engine's start already. */
  readonly hasStarted: boolean;
  /** For whoever looks after trails that nobody goes on with; stands in `head.json`. */
  readonly keepDays?: number | undefined;
  readonly log: (message: string) => void;
  /** It is another way than was reported. */
  readonly onStatus: (status: SinkStatus) => void;
  /** For tests: what the system does with a write. */
  readonly write?: ((file: FileHandle, bytes: Buffer) => Promise<void>) | undefined;
  readonly maxFileBytes?: number | undefined;
  readonly maxFiles?: number | undefined;
}

/** A line that waits: what stands in it behind `prev`, and how many records it holds. */
interface Body {
  readonly bytes: Uint8Array;
  readonly records: number;
  /** So many records that are lost are told by it. */
  readonly lost?: number;
}

/**
 * The audit trail of a window (requirements R11.5): an append-only chain of lines, in files. Calls that came together share a line, and its hash. Lives in
 * a thread of its own (`auditThread.ts`): what it does is on no call's way.
 */
export class AuditTrail implements PacketReader {
  readonly #options: AuditOptions;
  readonly #scanner = new PacketScanner();
  #waiting: Body[] = [];
  #waitingRecords = 0;
  readonly #calls = new CallLines();
  readonly #seal = new LineSeal(0, NO_HASH);
  #file: FileHandle | undefined;
  #sizeBytes = 0;
  #seq = 0;
  #hash = '';
  #told: SinkStatus = { waiting: 0, lost: 0 };
  #lost = 0;
  #lostAll = 0;
  #lostSince = 0;
  #why: string | undefined;
  /** What was last on its way to the disk. */
  #underWay: readonly Body[] = [];
  #retry: Disposable | undefined;
  #syncTimer: Disposable | undefined;
  #isUnsynced = false;
  #work: Promise<void> = Promise.resolve();
  #isWorking = false;
  #isStopped = false;
  #hasStarted: boolean;
  #syncing: Promise<void> = Promise.resolve();

  constructor(options: AuditOptions) {
    this.#options = options;
    this.#hasStarted = options.hasStarted;
  }

  /** Opens the chain, so that a trail that is switched on says so at once. */
  start(): void {
    void this.#drain();
  }

  /** Reads a packet; when this returns it may be used again. */
  take(packet: Buffer, length: number): void {
    this.#scanner.scan(packet, length, this);
    this.#sealCalls();
    if (this.#why === undefined) void this.#drain();
    else this.#schedule();
  }

  onCall(call: ScannedCall): void {
    if (this.#calls.isFull) this.#sealCalls();
    if (this.#waitingRecords + this.#calls.count >= MAX_WAITING) this.#lose(1, call.at);
    else this.#calls.add(call);
  }

  onEvent(at: number, body: string): void {
    this.#sealCalls();
    if (this.#waitingRecords >= MAX_WAITING) this.#lose(1, at);
    else this.#wait({ bytes: Buffer.from(`"at":${at},${body}`), records: 1 });
  }

  onLost(count: number, since: number): void {
    this.#sealCalls();
    this.#noteLost(count, since);
  }

  #sealCalls(): void {
    const { count } = this.#calls;
    if (count > 0) this.#wait({ bytes: this.#calls.take(), records: count });
  }

  #wait(body: Body): void {
    this.#waiting.push(body);
    this.#waitingRecords += body.records;
  }

  /** What was taken is written, brought to the disk, and the file is closed. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#retry?.dispose();
    await this.#drain();
    await this.#close();
  }

  /** Everything that was taken so far is on the disk, or lost. */
  async flush(): Promise<void> {
    await this.#drain();
    await this.#sync();
  }

  #lose(count: number, at: number): void {
    this.#lostAll += count;
    this.#noteLost(count, at);
  }

  #noteLost(count: number, since: number): void {
    if (this.#lost === 0) this.#lostSince = since;
    this.#lost += count;
  }

  /** How it stands, for whoever asks; when it is another way later, that is told. */
  report(): SinkStatus {
    this.#told = {
      waiting: this.#waitingRecords + recordsIn(this.#underWay),
      lost: this.#lostAll,
      ...(this.#why === undefined ? {} : { why: this.#why }),
    };
    return this.#told;
  }

  #tell(): void {
    const before = this.#told;
    const { waiting, lost, why } = this.report();
    if (waiting !== before.waiting || lost !== before.lost || why !== before.why)
      this.#options.onStatus(this.#told);
  }

  #schedule(): void {
    this.#retry ??= this.#options.clock.setTimer(
      RETRY_MS,
      () => {
        this.#retry = undefined;
        void this.#drain();
      },
      { unref: true },
    );
  }

  /** Writes what waits; one at a time, in order. Never rejects. */
  #drain(): Promise<void> {
    if (this.#isWorking) return this.#work;
    this.#isWorking = true;
    this.#work = this.#writeAll().finally(() => {
      this.#isWorking = false;
      this.#tell();
    });
    return this.#work;
  }

  async #writeAll(): Promise<void> {
    // The first one also opens the file.
    while (this.#waiting.length > 0 || this.#lost > 0 || this.#file === undefined) {
      try {
        if (this.#file === undefined) await this.#open();
        // There were more than may wait, though the disk takes them.
        if (this.#lost > 0) this.#waiting.push(this.#gap('backlog'));
        await this.#append(this.#nextBatch());
      } catch (error) {
        await this.#fail(error);
        return;
      }
    }
  }

  #nextBatch(): readonly Body[] {
    let count = 0;
    for (let length = 0; length < MAX_WRITE_BYTES && count < this.#waiting.length; count += 1)
      length += this.#waiting[count]?.bytes.length ?? 0;
    const batch = this.#waiting.splice(0, count);
    this.#waitingRecords -= recordsIn(batch);
    return batch;
  }

  async #fail(error: unknown): Promise<void> {
    const { code, message } = error as NodeJS.ErrnoException;
    if (this.#why === undefined)
      this.#options.log(`the audit trail cannot be written and is tried again: ${message}`);
    this.#why = code ?? message;
    // All of it; what the disk took all the same is found when the file is opened again.
    const now = Math.trunc(this.#options.clock.wallNow());
    this.#lose(recordsIn(this.#underWay), now);
    this.#noteLost(toldIn(this.#underWay), now);
    const file = this.#file;
    this.#file = undefined;
    // Half a line: a full disk can still be given something back. What stays is found when the file is opened again.
    await file?.truncate(this.#sizeBytes).catch(() => undefined);
    await file?.close().catch(() => undefined);
    if (!this.#isStopped) this.#schedule();
  }

  /** Opens the chain where it ended, and says how it was found. */
  async #open(): Promise<void> {
    const { folder, engine } = this.#options;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const end = readChainEnd(folder);
    const head = readHead(folder);
    this.#takeBack(end.seq);
    this.#seq = end.seq;
    this.#hash = end.hash;
    const at = `"at":${Math.trunc(this.#options.clock.wallNow())}`;
    const lines: Body[] = [];
    const say = (text: string): unknown => lines.push({ bytes: Buffer.from(`${at},${text}`), records: 0 });
    if (end.file === undefined) say(`"type":"file","oldest":1`);
    const missing = typeof head === 'object' && head.seq > end.seq ? head : undefined;
    if (end.torn !== undefined || missing !== undefined) {
      const torn = end.torn === undefined ? '' : `,"torn":${JSON.stringify(end.torn)}`;
      const gone = missing === undefined ? '' : `,"missing":${JSON.stringify(missing)}`;
      say(`"type":"resumed","oldest":${oldestSeq(folder)}${torn}${gone}`);
    }
    if (!this.#hasStarted) {
      const isClean = end.type === 'stop' || end.type === 'off';
      const after = end.type === undefined ? 'nothing' : isClean ? 'stop' : 'killed';
      say(
        `"type":"start","pid":${engine.pid},"version":${JSON.stringify(engine.version)},"after":"${after}"`,
      );
    }
    if (this.#lost > 0) lines.push(this.#gap(this.#why ?? 'unknown'));
    const path = end.file ?? join(folder, auditFileName(1));
    this.#file = await open(path, 'a', 0o600);
    this.#sizeBytes = end.sizeBytes;
    // What was cut stays as it is, as a line of its own.
    if (!end.endsLine) await this.#put(Buffer.from('\n'));
    await this.#append(lines);
    this.#hasStarted = true;
    if (this.#why !== undefined) this.#options.log('the audit trail can be written again');
    this.#why = undefined;
  }

  /** Tells what was lost until now. */
  #gap(why: string): Body {
    const [lost, since] = [this.#lost, this.#lostSince];
    this.#lost = 0;
    const at = Math.trunc(this.#options.clock.wallNow());
    const text = `"at":${at},"type":"gap","lost":${lost},"since":${since},"why":${JSON.stringify(why)}`;
    return { bytes: Buffer.from(text), records: 0, lost };
  }

  /** Of what failed the disk may have taken a part: the lines up to `seq`. */
  #takeBack(seq: number): void {
    const taken = this.#underWay.slice(0, Math.max(0, seq - this.#seq));
    this.#lost -= recordsIn(taken) + toldIn(taken);
    this.#lostAll -= recordsIn(taken);
    this.#underWay = [];
  }

  async #append(bodies: readonly Body[]): Promise<void> {
    if (bodies.length === 0) return;
    this.#underWay = bodies;
    if (this.#sizeBytes > (this.#options.maxFileBytes ?? MAX_FILE_BYTES)) {
      this.#underWay = [{ bytes: Buffer.alloc(0), records: 0 }, ...bodies]; // the file's own first line
      await this.#rotate();
      this.#underWay = bodies;
    }
    const seal = this.#seal;
    seal.reset(this.#seq, this.#hash);
    for (const { bytes } of bodies) seal.add(bytes);
    await this.#put(seal.bytes);
    this.#seq = seal.seq;
    this.#hash = seal.hash;
    this.#underWay = [];
  }

  async #put(bytes: Buffer): Promise<void> {
    const file = this.#file;
    if (file === undefined) throw new Error('it is not open');
    await (this.#options.write ?? writeWhole)(file, bytes);
    this.#sizeBytes += bytes.length;
    this.#isUnsynced = true;
    this.#syncTimer ??= this.#options.clock.setTimer(
      SYNC_INTERVAL_MS,
      () => {
        this.#syncTimer = undefined;
        void this.#sync();
      },
      { unref: true },
    );
  }

  /** The next file begins with a line of its own, so that it tells where the chain begins now. */
  async #rotate(): Promise<void> {
    const { folder, clock, maxFiles = MAX_FILES } = this.#options;
    await this.#sync();
    await this.#file?.close();
    this.#file = undefined;
    const files = auditFiles(folder);
    const surplus = files.slice(0, Math.max(0, files.length + 1 - maxFiles));
    const oldest = firstSeqOf(files[surplus.length] ?? auditFileName(this.#seq + 1));
    this.#file = await open(join(folder, auditFileName(this.#seq + 1)), 'ax', 0o600);
    this.#sizeBytes = 0;
    const line = sealLine(
      this.#seq + 1,
      this.#hash,
      `"at":${Math.trunc(clock.wallNow())},"type":"file","oldest":${oldest}`,
    );
    await this.#put(Buffer.from(line.text));
    this.#seq += 1;
    this.#hash = line.hash;
    for (const file of surplus) rmSync(file, { force: true });
  }

  /** Brings what was written to the disk, and notes how far the chain goes; one at a time. Never rejects. */
  #sync(): Promise<void> {
    this.#syncing = this.#syncing.then(() => this.#syncNow());
    return this.#syncing;
  }

  async #syncNow(): Promise<void> {
    const { folder, keepDays } = this.#options;
    const file = this.#file;
    if (file === undefined || !this.#isUnsynced) return;
    this.#isUnsynced = false;
    const head = JSON.stringify({ version: 1, seq: this.#seq, hash: this.#hash, keepDays });
    try {
      await file.datasync();
      const temporary = join(folder, `${HEAD_FILE}.tmp`);
      await writeFile(temporary, head, { mode: 0o600 });
      await rename(temporary, join(folder, HEAD_FILE));
    } catch {
      // The next one tries again; until then a cut at the end would be noticed only up to the head before.
      this.#isUnsynced = true;
    }
  }

  async #close(): Promise<void> {
    this.#syncTimer?.dispose();
    this.#syncTimer = undefined;
    await this.#sync();
    const file = this.#file;
    this.#file = undefined;
    await file?.close().catch(() => undefined);
  }
}

async function writeWhole(file: FileHandle, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, at);
    if (bytesWritten === 0) throw new Error('the disk takes no more');
    at += bytesWritten;
  }
}

function recordsIn(bodies: readonly Body[]): number {
  return bodies.reduce((sum, { records }) => sum + records, 0);
}

/** Lost records that these lines tell of. */
function toldIn(bodies: readonly Body[]): number {
  return bodies.reduce((sum, { lost = 0 }) => sum + lost, 0);
}
