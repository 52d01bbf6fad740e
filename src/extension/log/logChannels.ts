import * as vscode from 'vscode';
import type { Clock } from '../../shared/base/clock.ts';
import { DisposableStore, type Disposable } from '../../shared/base/disposable.ts';
import type { LogEntry } from '../../shared/protocol/engineMessages.ts';
import { LogBook } from './logBook.ts';

/** Older than this, a line says itself when it happened: the channel stamps the moment of writing. */
const LATE_MS = 2_000;

/** The output channels: one for engine and extension, one per server as soon as somebody asks for it. */
export class LogChannels implements Disposable {
  readonly #clock: Clock;
  readonly #main: vscode.LogOutputChannel;
  readonly #book = new LogBook();
  readonly #channels = new Map<string, vscode.LogOutputChannel>();
  readonly #store = new DisposableStore();
  #lastPid: number | undefined;

  constructor(clock: Clock, main: vscode.LogOutputChannel) {
    this.#clock = clock;
    this.#main = main;
    this.#book.attach('', (entry) => this.#write(main, entry));
  }

  /** Takes lines from the engine. */
  add(entries: readonly LogEntry[]): void {
    this.#book.add(entries);
  }

  /** An engine was reached; decides whether its first lines may be repetitions. */
  noteConnected(pid: number): void {
    if (pid === this.#lastPid) this.#book.expectReplay();
    else this.#book.forgetSeen();
    this.#lastPid = pid;
  }

  /** Shows a server's log, or the engine's. */
  show(server: string | undefined): void {
    (server === undefined ? this.#main : this.#channelOf(server)).show();
  }

  dispose(): void {
    this.#store.dispose();
  }

  #channelOf(server: string): vscode.LogOutputChannel {
    const known = this.#channels.get(server);
    if (known !== undefined) return known;
    const channel = this.#store.add(
      vscode.window.createOutputChannel(`MCP Lifeline: ${server}`, { log: true }),
    );
    this.#channels.set(server, channel);
    this.#book.attach(server, (entry) => this.#write(channel, entry));
    return channel;
  }

  #write(channel: vscode.LogOutputChannel, entry: LogEntry): void {
    const isLate = this.#clock.wallNow() - entry.at > LATE_MS;
    const line = isLate ? `[${timeOfDay(entry.at)}] ${entry.message}` : entry.message;
    channel[entry.level](line);
  }
}

/** In the time zone and to the millisecond, as the channel's own stamp. */
function timeOfDay(wallMs: number): string {
  const date = new Date(wallMs);
  return `${date.toTimeString().slice(0, 8)}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}
