import { appendFileSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '../../shared/base/clock.ts';
import type { Disposable } from '../../shared/base/disposable.ts';
import { Emitter } from '../../shared/base/emitter.ts';
import type { LogEntry, LogLevel } from '../../shared/protocol/engineMessages.ts';

const MAX_REMEMBERED = 1_000;
const MAX_MESSAGE = 4_000;
const MAX_FILE_BYTES = 2_097_152;
/** The same words of the same server are written once and then counted. */
const REPEAT_WINDOW = 1_000;
/** Lines about a server in a second, and as many of its own words; the rest is counted, so that a flood costs its neighbours nothing. */
const MAX_PER_SECOND = 200;
/** Lines wait this long for each other, and go to the file in one write. */
const FILE_INTERVAL_MS = 100;

/** A text of its own: one that was cut out keeps the whole one alive, here all that a server has said at once. */
const detached = (text: string): string => Buffer.from(text).toString();

interface Rate {
  since: number;
  count: number;
  /** Tells how much was left out, when the second is over. */
  timer: Disposable | undefined;
}

/**
 * The engine's log: remembered for a client that connects later, passed to the clients that are there, and written to a
 * file that is rotated (two files, 4 MB in all).
 */
export class EngineLog {
  readonly #clock: Clock;
  readonly #file: string | undefined;
  readonly #redact: (text: string) => string;
  readonly #entries: LogEntry[] = [];
  readonly #logged: Emitter<LogEntry>;
  #fileBytes = 0;
  #lastText = '';
  #repeats = 0;
  #unwritten: string[] = [];
  #fileTimer: Disposable | undefined;
  readonly #rates = new Map<string, Rate>();

  /** `redact` takes secrets out of every line, whoever wrote it (requirements R14.4). */
  constructor(clock: Clock, file: string | undefined, redact = (text: string): string => text) {
    this.#clock = clock;
    this.#file = file;
    this.#redact = redact;
    // The log is where listener errors are reported; one of its own has nowhere else to go.
    this.#logged = new Emitter(() => undefined);
    if (file === undefined) return;
    try {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      this.#fileBytes = statSync(file).size;
    } catch {
      this.#fileBytes = 0; // no file yet
    }
  }

  get onDidLog(): Emitter<LogEntry>['event'] {
    return this.#logged.event;
  }

  /** The most recent entries, oldest first. */
  get remembered(): readonly LogEntry[] {
    return this.#entries;
  }

  write(level: LogLevel, message: string, server?: string): void {
    this.#write({ level, message, ...(server === undefined ? {} : { server }) }, server);
  }

  /** What a server itself has said. However much that is, what is logged of its state is not left out for it. */
  quote(level: LogLevel, message: string, server: string): void {
    this.#write({ level, message, server }, `${server}\0quoted`);
  }

  #write(entry: Omit<LogEntry, 'at'>, rateKey: string | undefined): void {
    const text = `${entry.server ?? ''} ${entry.level} ${entry.message}`;
    if (text === this.#lastText && this.#repeats < REPEAT_WINDOW) {
      this.#repeats += 1;
      return;
    }
    if (rateKey !== undefined && !this.#isWithinRate(rateKey, entry.server)) return;
    this.#flushRepeats();
    this.#lastText = text;
    // Before it is cut: half a secret would not be known as one.
    const message = detached(this.#redact(entry.message).slice(0, MAX_MESSAGE));
    this.#emit({ ...entry, message, at: this.#clock.wallNow() });
  }

  #isWithinRate(key: string, server: string | undefined): boolean {
    const now = this.#clock.now();
    const rate = this.#rates.get(key);
    if (rate === undefined || now - rate.since >= 1_000) {
      if (rate !== undefined) this.#tellLeftOut(rate, server);
      this.#rates.set(key, { since: now, count: 1, timer: undefined });
      return true;
    }
    rate.count += 1;
    if (rate.count <= MAX_PER_SECOND) return true;
    // Also when nothing follows.
    rate.timer ??= this.#clock.setTimer(
      rate.since + 1_000 - now,
      () => {
        this.#tellLeftOut(rate, server);
        this.#rates.delete(key);
      },
      { unref: true },
    );
    return false;
  }

  #tellLeftOut(rate: Rate, server: string | undefined): void {
    rate.timer?.dispose();
    const left = rate.count - MAX_PER_SECOND;
    if (left <= 0) return;
    const message = `(${left} lines were left out)`;
    this.#emit({
      ...(server === undefined ? {} : { server }),
      level: 'warn',
      message,
      at: this.#clock.wallNow(),
    });
  }

  #flushRepeats(): void {
    if (this.#repeats === 0) return;
    const message = `(the line before was repeated ${this.#repeats} times)`;
    this.#repeats = 0;
    this.#emit({ level: 'info', message, at: this.#clock.wallNow() });
  }

  #emit(entry: LogEntry): void {
    this.#entries.push(entry);
    if (this.#entries.length > MAX_REMEMBERED) this.#entries.splice(0, MAX_REMEMBERED / 10);
    this.#appendToFile(entry);
    this.#logged.fire(entry);
  }

  #appendToFile(entry: LogEntry): void {
    if (this.#file === undefined) return;
    const who = entry.server === undefined ? '' : ` [${entry.server}]`;
    this.#unwritten.push(`${new Date(entry.at).toISOString()} ${entry.level}${who} ${entry.message}\n`);
    this.#fileTimer ??= this.#clock.setTimer(FILE_INTERVAL_MS, () => this.flush(), { unref: true });
  }

  /** Writes what waits for the file; before the process ends. */
  flush(): void {
    this.#fileTimer?.dispose();
    this.#fileTimer = undefined;
    const text = this.#unwritten.join('');
    this.#unwritten = [];
    if (this.#file === undefined || text === '') return;
    try {
      if (this.#fileBytes > MAX_FILE_BYTES) {
        rmSync(`${this.#file}.1`, { force: true });
        renameSync(this.#file, `${this.#file}.1`);
        this.#fileBytes = 0;
      }
      appendFileSync(this.#file, text, { mode: 0o600 });
      this.#fileBytes += Buffer.byteLength(text);
    } catch {
      // A disk that takes no log must not take the engine down; clients still get every entry.
    }
  }
}
