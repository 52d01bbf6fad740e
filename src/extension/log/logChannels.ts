import * as vscode from 'vscode';
import type { Clock } from '../../shared/base/clock.ts';
import { DisposableStore, type Disposable } from '../../shared/base/disposable.ts';
import { Emitter, type Event } from '../../shared/base/emitter.ts';
import type { LogEntry, LogLevel } from '../../shared/protocol/engineMessages.ts';
import { LogBook } from './logBook.ts';

/** Older than this, a line says itself when it happened: the channel stamps the moment of writing. */
const LATE_MS = 2_000;

/** The output channels: one for engine and extension, one per server as soon as somebody asks for it. */
export class LogChannels implements Disposable {
  readonly #clock: Clock;
  readonly #main: vscode.LogOutputChannel;
  readonly #book = new LogBook();
  readonly #channels = new Map<string, Disposable & { readonly channel: vscode.LogOutputChannel }>();
  readonly #store = new DisposableStore();
  readonly #wanted: Emitter<LogLevel>;
  #wantedLevel: LogLevel;
  #lastPid: number | undefined;

  constructor(clock: Clock, main: vscode.LogOutputChannel, onListenerError: (error: unknown) => void) {
    this.#clock = clock;
    this.#main = main;
    this.#wanted = this.#store.add(new Emitter<LogLevel>(onListenerError));
    this.#wantedLevel = this.#levelNow;
    this.#store.add(main.onDidChangeLogLevel(() => this.#noteLevels()));
    this.#book.attach('', (entry) => this.#write(main, entry));
  }

  /** The least that one of the channels shows: details are made only while somebody looks at them. */
  get wantedLevel(): LogLevel {
    return this.#wantedLevel;
  }

  get onDidChangeWantedLevel(): Event<LogLevel> {
    return this.#wanted.event;
  }

  /** Only these servers are left: the channels of others are closed. */
  retain(servers: readonly string[]): void {
    const left = new Set(servers);
    for (const [server, channel] of [...this.#channels]) {
      if (left.has(server)) continue;
      this.#channels.delete(server);
      channel.dispose();
    }
    this.#book.retain(left);
    this.#noteLevels();
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
    for (const channel of this.#channels.values()) channel.dispose();
    this.#channels.clear();
    this.#store.dispose();
  }

  get #levelNow(): LogLevel {
    const levels = [this.#main, ...[...this.#channels.values()].map(({ channel }) => channel)].map(
      ({ logLevel }) => logLevel,
    );
    // A server's channel may yet be opened, and shows then what was remembered: never less than the usual.
    return levels.some((level) => level === vscode.LogLevel.Trace || level === vscode.LogLevel.Debug)
      ? 'debug'
      : 'info';
  }

  #noteLevels(): void {
    const level = this.#levelNow;
    if (level === this.#wantedLevel) return;
    this.#wantedLevel = level;
    this.#wanted.fire(level);
  }

  #channelOf(server: string): vscode.LogOutputChannel {
    const known = this.#channels.get(server);
    if (known !== undefined) return known.channel;
    const channel = vscode.window.createOutputChannel(`MCP Lifeline: ${server}`, { log: true });
    const subscription = channel.onDidChangeLogLevel(() => this.#noteLevels());
    const dispose = (): void => {
      subscription.dispose();
      channel.dispose();
    };
    this.#channels.set(server, { channel, dispose });
    this.#book.attach(server, (entry) => this.#write(channel, entry));
    // It may have been set to another level in an earlier session.
    this.#noteLevels();
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
