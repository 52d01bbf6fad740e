import { appendFileSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '../../shared/base/clock.ts';
import { Emitter } from '../../shared/base/emitter.ts';
import type { LogEntry, LogLevel } from '../../shared/protocol/engineMessages.ts';

const MAX_REMEMBERED = 1_000;
const MAX_MESSAGE = 4_000;
const MAX_FILE_BYTES = 2_097_152;
/** The same words of the same server are written once and then counted. */
const REPEAT_WINDOW = 1_000;

/**
 * The engine's log: remembered for a client that connects later, passed to the clients that are there, and written to a
 * file that is rotated (two files, 4 MB in all).
 */
export class EngineLog {
  readonly #clock: Clock;
  readonly #file: string | undefined;
  readonly #entries: LogEntry[] = [];
  readonly #logged: Emitter<LogEntry>;
  #fileBytes = 0;
  #lastText = '';
  #repeats = 0;

  constructor(clock: Clock, file: string | undefined) {
    this.#clock = clock;
    this.#file = file;
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
    const text = `${server ?? ''} ${level} ${message}`;
    if (text === this.#lastText && this.#repeats < REPEAT_WINDOW) {
      this.#repeats += 1;
      return;
    }
    this.#flushRepeats();
    this.#lastText = text;
    this.#emit({
      level,
      message: message.slice(0, MAX_MESSAGE),
      at: this.#clock.wallNow(),
      ...(server === undefined ? {} : { server }),
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
    const line = `${new Date(entry.at).toISOString()} ${entry.level}${who} ${entry.message}\n`;
    try {
      if (this.#fileBytes > MAX_FILE_BYTES) {
        rmSync(`${this.#file}.1`, { force: true });
        renameSync(this.#file, `${this.#file}.1`);
        this.#fileBytes = 0;
      }
      appendFileSync(this.#file, line, { mode: 0o600 });
      this.#fileBytes += Buffer.byteLength(line);
    } catch {
      // A disk that takes no log must not take the engine down; clients still get every entry.
    }
  }
}
