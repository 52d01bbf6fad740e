import type { LogEntry } from '../../shared/protocol/engineMessages.ts';

/** Where lines go once somebody reads them. */
export type LogSink = (entry: LogEntry) => void;

const MAX_REMEMBERED = 2_000;
const MAX_SERVERS = 200;

/**
 * Sorts the engine's log lines by server and remembers the last ones of each, until somebody opens that server's
 * log. An engine tells a new client what it still remembers; lines that were seen before are dropped then.
 */
export class LogBook {
  readonly #remembered = new Map<string, LogEntry[]>();
  readonly #sinks = new Map<string, LogSink>();
  readonly #seen = new Map<string, { at: number; messages: Set<string> }>();
  #isReplay = false;

  /** The next batch may repeat what was already told (the same engine was reached again). */
  expectReplay(): void {
    this.#isReplay = true;
  }

  /** Another engine: nothing of the earlier one can come again. */
  forgetSeen(): void {
    this.#seen.clear();
    this.#isReplay = false;
  }

  add(entries: readonly LogEntry[]): void {
    const isReplay = this.#isReplay;
    this.#isReplay = false;
    for (const entry of entries) {
      const server = entry.server ?? '';
      if (isReplay && this.#wasSeen(server, entry)) continue;
      this.#noteSeen(server, entry);
      const sink = this.#sinks.get(server);
      if (sink === undefined) this.#remember(server, entry);
      else sink(entry);
    }
  }

  /** From now on lines about `server` (`''`: the engine itself) go to `sink`, those remembered first. */
  attach(server: string, sink: LogSink): void {
    for (const entry of this.#remembered.get(server) ?? []) sink(entry);
    this.#remembered.delete(server);
    this.#sinks.set(server, sink);
  }

  /** Of servers that are not there any more nothing is kept; `''`, the engine itself, always is. */
  retain(servers: ReadonlySet<string>): void {
    for (const kept of [this.#remembered, this.#sinks, this.#seen])
      for (const server of [...kept.keys()]) if (server !== '' && !servers.has(server)) kept.delete(server);
  }

  #remember(server: string, entry: LogEntry): void {
    let lines = this.#remembered.get(server);
    if (lines === undefined) {
      if (this.#remembered.size >= MAX_SERVERS) return;
      lines = [];
      this.#remembered.set(server, lines);
    }
    lines.push(entry);
    if (lines.length > MAX_REMEMBERED) lines.splice(0, lines.length - MAX_REMEMBERED);
  }

  #wasSeen(server: string, entry: LogEntry): boolean {
    const last = this.#seen.get(server);
    if (last === undefined || entry.at > last.at) return false;
    return entry.at < last.at || last.messages.has(entry.message);
  }

  #noteSeen(server: string, entry: LogEntry): void {
    const last = this.#seen.get(server);
    if (last?.at === entry.at) last.messages.add(entry.message);
    else this.#seen.set(server, { at: entry.at, messages: new Set([entry.message]) });
  }
}
