import { appendFileSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../shared/base/clock.ts';
import type { LogEntry } from '../../shared/protocol/engineMessages.ts';

/** What the log files of all engines of a user may hold; beyond it the oldest go until they hold a little less. The promise is 10 MB. */
const MAX_ALL_BYTES = 8_500_000;
const TIDIED_BYTES = 7_500_000;
/** Several engines write at a time, and each looks only after having written so much; less where they are many. */
const MAX_UNSEEN_BYTES = 32_768;
const UNSEEN_BY_ALL_BYTES = 1_000_000;
/** A file that is larger is put aside, and a new one begun; smaller where engines are many, because nobody else may take away what one writes. */
const MAX_PIECE_BYTES = 524_288;
const MIN_PIECE_BYTES = 8_192;
/** What one engine keeps. */
const MAX_OWN_BYTES = 4_194_304;
/** What servers say fills the file only to this extent, and then at this rate: what was done about them is to be found for longer. */
const MAX_QUOTED_BYTES = 262_144;
const QUOTED_BYTES_PER_MINUTE = 4_096;
/** What was left out is told at intervals that double. */
const FIRST_TOLD_MS = 60_000;
const MAX_TOLD_MS = 3_600_000;

interface LogPiece {
  readonly name: string;
  readonly window: string;
  /** `undefined`: the one that is, or was, written. */
  readonly number: number | undefined;
  readonly bytes: number;
  readonly changedAt: number;
}

interface Quoted {
  bytes: number;
  at: number;
  leftOut: number;
  tellAt: number;
  tellAfterMs: number;
}

export interface LogFilesOptions {
  readonly clock: Clock;
  /** Of all engines of this user. */
  readonly folder: string;
  readonly window: string;
  /** Whether an engine of that window runs: its file is not taken away. */
  readonly isRunning: (window: string) => boolean;
}

/**
 * The log file of one engine, `<window>.log`, and what it has put aside, `<window>.log.<n>`. All engines of a user, those that have long ended included, keep
 * less than 10 MB together (requirements R11.4): each removes what is oldest, but never a file that another engine writes. Where that is not
 * enough it writes nothing, and tells so later.
 */
export class LogFiles {
  readonly #options: LogFilesOptions;
  readonly #quoted = new Map<string, Quoted>();
  #unwritten: string[] = [];
  #ownBytes = 0;
  /** Written since it was last looked how much there is. */
  #unseenBytes = Number.MAX_SAFE_INTEGER;
  #maxUnseenBytes = MAX_UNSEEN_BYTES;
  #maxPieceBytes = MAX_PIECE_BYTES;
  #hasRoom = true;
  #leftOut = 0;

  constructor(options: LogFilesOptions) {
    this.#options = options;
  }

  get #file(): string {
    return join(this.#options.folder, `${this.#options.window}.log`);
  }

  /** A line for the file, written with the next `flush`. `isQuoted`: a server's own words. */
  add(entry: LogEntry, isQuoted: boolean): void {
    if (!this.#isWithinBudget(entry, isQuoted)) return;
    this.#unwritten.push(lineOf(entry));
  }

  #isWithinBudget(entry: LogEntry, isQuoted: boolean): boolean {
    const { server, at } = entry;
    if (server === undefined) return true;
    const now = this.#options.clock.now();
    let quoted = this.#quoted.get(server);
    if (quoted === undefined) {
      if (!isQuoted) return true;
      quoted = { bytes: MAX_QUOTED_BYTES, at: now, leftOut: 0, tellAt: 0, tellAfterMs: FIRST_TOLD_MS };
      this.#quoted.set(server, quoted);
    }
    const refill = ((now - quoted.at) * QUOTED_BYTES_PER_MINUTE) / 60_000;
    quoted.bytes = Math.min(MAX_QUOTED_BYTES, quoted.bytes + refill);
    quoted.at = now;
    if (quoted.bytes >= MAX_QUOTED_BYTES && quoted.leftOut === 0) quoted.tellAfterMs = FIRST_TOLD_MS;
    const bytes = Buffer.byteLength(entry.message);
    const fits = !isQuoted || bytes <= quoted.bytes;
    if (quoted.leftOut > 0 && now >= quoted.tellAt) {
      const message = `${quoted.leftOut} lines of its output were left out of this file: it says too much`;
      this.#unwritten.push(lineOf({ level: 'warn', server, message, at }));
      quoted.leftOut = 0;
      quoted.tellAt = now + quoted.tellAfterMs;
      quoted.tellAfterMs = Math.min(MAX_TOLD_MS, quoted.tellAfterMs * 2);
    }
    if (fits) {
      if (isQuoted) quoted.bytes -= bytes;
      return true;
    }
    if (quoted.leftOut === 0 && quoted.tellAt <= now) quoted.tellAt = now + FIRST_TOLD_MS;
    quoted.leftOut += 1;
    return false;
  }

  /** Writes what waits. Never throws: a disk that takes no log must not take the engine down. */
  flush(): void {
    const lines = this.#unwritten;
    this.#unwritten = [];
    let text = '';
    for (const line of lines) {
      if (text !== '' && text.length + line.length > this.#maxUnseenBytes) {
        this.#write(text);
        text = '';
      }
      text += line;
    }
    if (text !== '') this.#write(text);
  }

  #write(text: string): void {
    const bytes = Buffer.byteLength(text);
    try {
      if (this.#unseenBytes + bytes > this.#maxUnseenBytes) this.#look(bytes);
      if (!this.#hasRoom) {
        this.#leftOut += text.split('\n').length - 1;
        return;
      }
      const leftOut = this.#leftOut;
      this.#leftOut = 0;
      const message = `${leftOut} lines were left out: the log files of all engines were as large as they may be`;
      const told = leftOut === 0 ? '' : lineOf({ level: 'warn', message, at: this.#options.clock.wallNow() });
      appendFileSync(this.#file, told + text, { mode: 0o600 });
      this.#ownBytes += bytes + told.length;
      this.#unseenBytes += bytes + told.length;
    } catch {
      // Clients still get every line.
    }
  }

  /** How much there is, of whom; makes room for what comes. */
  #look(comingBytes: number): void {
    const { folder, window, isRunning } = this.#options;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    let pieces = piecesIn(folder);
    const own = pieces.find((piece) => piece.window === window && piece.number === undefined);
    this.#ownBytes = own?.bytes ?? 0;
    if (this.#ownBytes + comingBytes > this.#maxPieceBytes && this.#ownBytes > 0) {
      const numbers = pieces.filter((piece) => piece.window === window).map(({ number = 0 }) => number);
      renameSync(this.#file, `${this.#file}.${Math.max(0, ...numbers) + 1}`);
      this.#ownBytes = 0;
      pieces = piecesIn(folder);
    }
    const running = new Set(
      pieces
        .filter(({ number, window: of }) => number === undefined && of !== window)
        .map((piece) => piece.window),
    );
    for (const other of [...running]) if (!isRunning(other)) running.delete(other);
    const engines = running.size + 1;
    this.#maxUnseenBytes = Math.min(MAX_UNSEEN_BYTES, UNSEEN_BY_ALL_BYTES / engines);
    this.#maxPieceBytes = Math.max(MIN_PIECE_BYTES, Math.min(MAX_PIECE_BYTES, TIDIED_BYTES / 2 / engines));
    const isOthers = (piece: LogPiece): boolean =>
      piece.number === undefined && (piece.window === window || running.has(piece.window));
    const oldestFirst = pieces
      .filter((piece) => !isOthers(piece))
      .sort((a, b) => a.changedAt - b.changedAt || (a.number ?? Infinity) - (b.number ?? Infinity));
    const isOwn = (piece: LogPiece): boolean => piece.window === window;
    let left = removeOldest(oldestFirst.filter(isOwn), sum(pieces.filter(isOwn)), MAX_OWN_BYTES, folder);
    let all = sum(piecesIn(folder));
    if (all + comingBytes > MAX_ALL_BYTES) {
      left = oldestFirst.filter((piece) => !isOwn(piece) || left.includes(piece));
      removeOldest(left, all, TIDIED_BYTES, folder);
      all = sum(piecesIn(folder));
    }
    this.#hasRoom = all + comingBytes <= MAX_ALL_BYTES;
    // Without room it is looked again with the next line.
    this.#unseenBytes = this.#hasRoom ? 0 : Number.MAX_SAFE_INTEGER;
  }
}

/** Removes pieces, those at the front first, until there are no more than `maxBytes`; gives back those that are left. */
function removeOldest(
  pieces: readonly LogPiece[],
  bytes: number,
  maxBytes: number,
  folder: string,
): LogPiece[] {
  const left = [...pieces];
  let kept = bytes;
  while (kept > maxBytes) {
    const oldest = left.shift();
    if (oldest === undefined) break;
    rmSync(join(folder, oldest.name), { force: true });
    kept -= oldest.bytes;
  }
  return left;
}

function sum(pieces: readonly LogPiece[]): number {
  return pieces.reduce((all, { bytes }) => all + bytes, 0);
}

function piecesIn(folder: string): LogPiece[] {
  return readdirSync(folder).flatMap((name) => {
    const [, window, number] = /^(.+?)\.log(?:\.(\d{1,15}))?$/.exec(name) ?? [];
    if (window === undefined) return [];
    try {
      const { size, mtimeMs } = statSync(join(folder, name));
      return [
        {
          name,
          window,
          number: number === undefined ? undefined : Number(number),
          bytes: size,
          changedAt: mtimeMs,
        },
      ];
    } catch {
      return []; // removed by another engine just now
    }
  });
}

/** A line of the file, whatever is in it. */
function lineOf({ at, level, server, message }: LogEntry): string {
  const who = server === undefined ? '' : ` [${server}]`;
  return `${new Date(at).toISOString()} ${level}${who} ${message.replaceAll('\n', '\n  ')}\n`;
}
