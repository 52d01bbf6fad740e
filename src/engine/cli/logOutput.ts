import type { Writable } from 'node:stream';
import { isAtLeast, type LogEntry, type LogLevel } from '../../shared/protocol/engineMessages.ts';
import { printable } from './table.ts';

/** What the reader of the log has not taken yet; beyond it lines are left out, and counted. */
const MAX_WAITING_BYTES = 1_048_576;

/** Log lines on stderr. A reader that is slow, or gone, costs lines, never memory or time. */
export class LogOutput {
  readonly #asJson: boolean;
  readonly #stream: Writable;
  #leftOut = 0;

  /** The least that is written. */
  level: LogLevel;

  constructor(asJson: boolean, level: LogLevel = 'info', stream: Writable = process.stderr) {
    this.#asJson = asJson;
    this.level = level;
    this.#stream = stream;
    // The reader has left: nobody misses the lines.
    stream.on('error', () => undefined);
  }

  write(entry: LogEntry): void {
    if (!isAtLeast(entry.level, this.level)) return;
    if (this.#stream.writableLength > MAX_WAITING_BYTES) {
      this.#leftOut += 1;
      return;
    }
    if (this.#leftOut > 0) {
      const message = `(${this.#leftOut} lines were left out, because they were not read)`;
      this.#leftOut = 0;
      this.#put({ level: 'warn', message, at: entry.at });
    }
    this.#put(entry);
  }

  #put({ at, level, server, message }: LogEntry): void {
    const time = new Date(at).toISOString();
    const text = this.#asJson
      ? JSON.stringify({ at: time, level, server, message })
      : `${time} ${level}${server === undefined ? '' : ` [${printable(server)}]`} ${printable(message)}`;
    this.#stream.write(`${text}\n`);
  }
}
