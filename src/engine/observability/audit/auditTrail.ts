import { hash } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { open, rename, writeFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../../shared/base/clock.ts';
import type { Disposable } from '../../../shared/base/disposable.ts';
import type { CallOutcome, Observation, ObservedCall, Observer } from '../observations.ts';
import {
  auditFileName,
  auditFiles,
  firstSeqOf,
  HEAD_FILE,
  oldestSeq,
  readChainEnd,
  readHead,
} from './auditFolder.ts';
import { sealLine } from './auditLine.ts';

/** Records wait this long for each other, and go to the file in one write. */
const WRITE_INTERVAL_MS = 100;
/** What was written is brought to the disk (fdatasync) this often while anything comes, and at the end. */
const SYNC_INTERVAL_MS = 1_000;
/** Written at once; more waits for the next turn of the event loop. */
const MAX_BATCH = 512;
/** Waiting for a disk that takes none; beyond it records are lost, and counted. */
const MAX_WAITING = 20_000;
/** A disk that took nothing is tried again after this time. */
const RETRY_MS = 5_000;
const MAX_FILE_BYTES = 8_388_608;
/** Files of a chain: 64 MB in all. The oldest is removed when there is one more. */
const MAX_FILES = 8;
/** Of a name that a client, or a server, has chosen. */
const MAX_NAME = 256;
const MAX_NAMES = 2_000;
/** Of what is recorded of an event. */
const MAX_EVENT = 8_192;

export interface AuditStatus {
  readonly enabled: boolean;
  /** Records that were lost, and are named in the chain as a gap when it goes on. */
  readonly lost: number;
  /** Why nothing can be written now, as a sentence. */
  readonly degraded?: string;
}

export interface AuditOptions {
  readonly folder: string;
  readonly clock: Clock;
  readonly engine: { readonly pid: number; readonly version: string };
  readonly log: (message: string) => void;
  /** Takes secrets out of names (requirements R14.4). */
  readonly redact: (text: string) => string;
  /** For tests: what the system does with a write. */
  readonly write?: (file: FileHandle, bytes: Buffer) => Promise<void>;
  readonly maxFileBytes?: number;
  readonly maxFiles?: number;
}

/**
 * The audit trail of a window (requirements R11.5): an append-only chain of lines. Only the owner of the window's lock may have one. Everything here happens after a
 * call was answered, in batches; a disk that is full, slow or read-only costs records, which are counted, never a call.
 */
export class AuditTrail implements Observer {
  readonly #options: AuditOptions;
  readonly #names = new Map<string, string>();
  #lastCall: Partial<ObservedCall> & { readonly text: string } = { text: '' };
  #waiting: string[] = [];
  #enabled: boolean | undefined;
  #file: FileHandle | undefined;
  #sizeBytes = 0;
  #seq = 0;
  #hash = '';
  #lost = 0;
  #lostAll = 0;
  #lostSince = 0;
  #why: string | undefined;
  #timer: Disposable | undefined;
  #syncTimer: Disposable | undefined;
  #isUnsynced = false;
  #work: Promise<void> = Promise.resolve();
  #isWorking = false;
  #isStopped = false;
  #hasStarted = false;
  #syncing: Promise<void> = Promise.resolve();

  constructor(options: AuditOptions) {
    this.#options = options;
  }

  get status(): AuditStatus {
    return {
      enabled: this.#enabled === true,
      lost: this.#lostAll,
      ...(this.#why === undefined
        ? {}
        : {
            degraded: `The audit trail cannot be written: ${this.#why}. Calls go on; ${this.#lost} records are lost so far.`,
          }),
    };
  }

  /** Until this is called records wait. Turned off, nothing is recorded from now on, which the trail itself says. */
  configure(enabled: boolean): void {
    if (this.#enabled === enabled || this.#isStopped) return;
    const before = this.#enabled;
    if (!enabled) {
      if (before === undefined) this.#waiting = [];
      else this.#push(`"type":"off"`);
      this.#enabled = false;
      void this.#drain().then(() => (this.#enabled === false ? this.#close() : undefined));
      return;
    }
    this.#enabled = true;
    if (before === false) this.#push(`"type":"on"`);
    this.#schedule();
  }

  onCall(call: ObservedCall, outcome: CallOutcome, answer: Uint8Array | string | undefined): void {
    if (this.#enabled === false) return;
    const ms = Math.round((this.#options.clock.now() - call.startedAt) * 1_000) / 1_000;
    // The id is ours: a letter, and a number in base 36.
    this.#push(
      `${this.#who(call)},"call":"${call.callId}","outcome":"${outcome}","ms":${ms},"attempts":${call.attempts},"request":${digestOf(call.line)}` +
        (answer === undefined ? '' : `,"answer":${digestOf(answer)}`),
    );
  }

  /** Whose call it is; mostly the same as the one before. */
  #who({ server, session, method, tool, retryClass }: ObservedCall): string {
    const last = this.#lastCall;
    if (
      last.server === server &&
      last.session === session &&
      last.method === method &&
      last.tool === tool &&
      last.retryClass === retryClass
    )
      return last.text;
    const text =
      `"type":"call","server":${this.#name(server)},"session":${this.#name(session)},"method":${this.#name(method)}` +
      `${tool === undefined ? '' : `,"tool":${this.#name(tool)}`},"class":"${retryClass}"`;
    this.#lastCall = { server, session, method, tool, retryClass, text };
    return text;
  }

  onEvent(event: Observation): void {
    if (this.#enabled === false) return;
    // What other records tell already, or what is drawn from them.
    if (event.kind === 'retry' || event.kind === 'relisted' || event.kind === 'alert') return;
    const { type, members } = recordOf(event);
    const text = this.#options.redact(JSON.stringify(members));
    const isWhole = text.length > 2 && text.length <= MAX_EVENT && isObjectText(text);
    this.#push(`"type":"${type}"${isWhole ? `,${text.slice(1, -1)}` : ''}`);
  }

  /** The last lines are written, brought to the disk, and say that the engine stopped. */
  async stop(): Promise<void> {
    if (this.#isStopped) return;
    if (this.#enabled === true) this.#push(`"type":"stop"`);
    if (this.#enabled === undefined) this.#waiting = [];
    this.#isStopped = true;
    this.#timer?.dispose();
    await this.#drain();
    await this.#close();
  }

  /** Everything that was recorded so far is on its way to the disk. */
  async flush(): Promise<void> {
    await this.#drain();
    await this.#sync();
  }

  /** Names come again and again, and are quoted once. */
  #name(text: string): string {
    let quoted = this.#names.get(text);
    if (quoted === undefined) {
      quoted = JSON.stringify(this.#options.redact(text.slice(0, 4 * MAX_NAME)).slice(0, MAX_NAME));
      if (this.#names.size >= MAX_NAMES) this.#names.clear();
      if (text.length <= MAX_NAME) this.#names.set(text, quoted);
    }
    return quoted;
  }

  #push(body: string): void {
    if (this.#isStopped) return;
    if (this.#waiting.length >= MAX_WAITING) {
      this.#lose(1);
      return;
    }
    this.#waiting.push(`"at":${Math.trunc(this.#options.clock.wallNow())},${body}`);
    if (this.#enabled === undefined) return;
    if (this.#waiting.length >= MAX_BATCH && this.#why === undefined) void this.#drain();
    else this.#schedule();
  }

  #lose(count: number): void {
    if (this.#lost === 0) this.#lostSince = Math.trunc(this.#options.clock.wallNow());
    this.#lost += count;
    this.#lostAll += count;
  }

  #schedule(): void {
    const afterMs = this.#why === undefined ? WRITE_INTERVAL_MS : RETRY_MS;
    this.#timer ??= this.#options.clock.setTimer(
      afterMs,
      () => {
        this.#timer = undefined;
        void this.#drain();
      },
      { unref: true },
    );
  }

  /** Writes what waits; one at a time, in order. Never rejects. */
  #drain(): Promise<void> {
    if (this.#isWorking) return this.#work;
    this.#isWorking = true;
    this.#work = this.#writeAll().finally(() => (this.#isWorking = false));
    return this.#work;
  }

  async #writeAll(): Promise<void> {
    // The first one also opens the file, so that a trail that is switched on says so at once.
    while (this.#waiting.length > 0 || (this.#enabled === true && this.#file === undefined)) {
      const batch = this.#waiting.splice(0, MAX_BATCH);
      try {
        if (this.#file === undefined) await this.#open();
        await this.#append(batch);
      } catch (error) {
        // All of it; what the disk took all the same is found when the file is opened again.
        await this.#fail(error, batch.length);
        return;
      }
    }
  }

  async #fail(error: unknown, lost: number): Promise<void> {
    const { code, message } = error as NodeJS.ErrnoException;
    if (this.#why === undefined)
      this.#options.log(`the audit trail cannot be written and is tried again: ${message}`);
    this.#why = code ?? message;
    this.#lose(lost);
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
    // Of a batch that failed the disk may have taken a part.
    if (this.#hasStarted) this.#lost = Math.max(0, this.#lost - Math.max(0, end.seq - this.#seq));
    this.#seq = end.seq;
    this.#hash = end.hash;
    const at = `"at":${Math.trunc(this.#options.clock.wallNow())}`;
    const lines: string[] = [];
    if (end.file === undefined) lines.push(`${at},"type":"file","oldest":1`);
    const missing = typeof head === 'object' && head.seq > end.seq ? head : undefined;
    if (end.torn !== undefined || missing !== undefined) {
      const torn = end.torn === undefined ? '' : `,"torn":${JSON.stringify(end.torn)}`;
      const gone = missing === undefined ? '' : `,"missing":${JSON.stringify(missing)}`;
      lines.push(`${at},"type":"resumed","oldest":${oldestSeq(folder)}${torn}${gone}`);
    }
    if (!this.#hasStarted) {
      const isClean = end.type === 'stop' || end.type === 'off';
      const after = end.type === undefined ? 'nothing' : isClean ? 'stop' : 'killed';
      lines.push(
        `${at},"type":"start","pid":${engine.pid},"version":${JSON.stringify(engine.version)},"after":"${after}"`,
      );
    }
    if (this.#lost > 0)
      lines.push(
        `${at},"type":"gap","lost":${this.#lost},"since":${this.#lostSince},"why":${JSON.stringify(this.#why ?? 'unknown')}`,
      );
    const path = end.file ?? join(folder, auditFileName(1));
    this.#file = await open(path, 'a', 0o600);
    this.#sizeBytes = end.sizeBytes;
    // What was cut stays as it is, as a line of its own.
    if (!end.endsLine) await this.#put(Buffer.from('\n'));
    const lost = this.#lost;
    await this.#append(lines);
    this.#lost -= lost;
    this.#hasStarted = true;
    if (this.#why !== undefined) this.#options.log('the audit trail can be written again');
    this.#why = undefined;
  }

  async #append(bodies: readonly string[]): Promise<void> {
    if (bodies.length === 0) return;
    if (this.#sizeBytes > (this.#options.maxFileBytes ?? MAX_FILE_BYTES)) await this.#rotate();
    let seq = this.#seq;
    let last = this.#hash;
    let text = '';
    for (const body of bodies) {
      seq += 1;
      const line = sealLine(seq, last, body);
      text += line.text;
      last = line.hash;
    }
    await this.#put(Buffer.from(text));
    this.#seq = seq;
    this.#hash = last;
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
    const { folder } = this.#options;
    const file = this.#file;
    if (file === undefined || !this.#isUnsynced) return;
    this.#isUnsynced = false;
    const head = JSON.stringify({ version: 1, seq: this.#seq, hash: this.#hash });
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

function digestOf(message: Uint8Array | string): string {
  const bytes = typeof message === 'string' ? Buffer.byteLength(message) : message.length;
  return `{"bytes":${bytes},"sha256":"${hash('sha256', message, 'hex')}"}`;
}

function isObjectText(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null;
  } catch {
    return false; // what was taken out was more than a text of it
  }
}

/** Of a configuration only so many names are recorded. */
const MAX_SERVERS = 100;

/** What the trail records of an event; names and order of its members are part of the format (docs/audit.md). */
function recordOf(event: Exclude<Observation, { kind: 'retry' | 'relisted' }>): {
  readonly type: string;
  readonly members: object;
} {
  const { kind: type, ...members } = event;
  if (event.kind === 'configuration')
    return { type, members: { servers: event.servers.slice(0, MAX_SERVERS) } };
  if (event.kind !== 'state') return { type, members };
  const { server, connection, to: state, pid, fault } = event;
  return {
    type,
    members: {
      server,
      connection,
      state,
      ...(pid === undefined ? {} : { pid }),
      ...(fault === undefined ? {} : { fault }),
    },
  };
}
