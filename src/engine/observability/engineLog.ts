import type { Clock } from '../../shared/base/clock.ts';
import { toDisposable, type Disposable } from '../../shared/base/disposable.ts';
import { Emitter } from '../../shared/base/emitter.ts';
import { isAtLeast, type LogEntry, type LogLevel } from '../../shared/protocol/engineMessages.ts';
import type { LogFiles } from './logFiles.ts';
import { LogRepeats, type Moment, type RepeatSummary } from './logRepeats.ts';

const MAX_REMEMBERED = 1_000;
const MAX_MESSAGE = 4_000;
/** Characters by which lines without a kind of their own are told apart. */
const MAX_KIND = 200;
/** Lines about a server in a second, and as many of its own words; the rest is counted, so that a flood costs its neighbours nothing. */
const MAX_PER_SECOND = 200;
/** While a flood lasts, what was left out is told at intervals that double up to this. */
const MAX_TOLD_MS = 600_000;
/** Lines wait this long for each other, and go to the file in one write. */
const FILE_INTERVAL_MS = 100;

/** A text of its own: one that was cut out keeps the whole one alive, here all that a server has said at once. */
const detached = (text: string): string => Buffer.from(text).toString();

interface Rate {
  since: number;
  count: number;
  leftOut: number;
  toldAt: number;
  tellAfterMs: number;
  /** Tells how much was left out, also when nothing follows. */
  timer: Disposable | undefined;
}

export interface EngineLogOptions {
  readonly clock: Clock;
  /** Where it is written to; absent in tests. */
  readonly files?: LogFiles;
  /** Takes secrets out of every line, whoever wrote it (requirements R14.4). */
  readonly redact?: (text: string) => string;
  /** The least that is written to the file, and remembered. */
  readonly level?: LogLevel;
}

/**
 * The engine's log: remembered for a client that connects later, passed to the clients that are there, and written to a file. What is said again and again is
 * summarised, per server; what nobody wants costs nothing.
 */
export class EngineLog {
  readonly #clock: Clock;
  readonly #files: LogFiles | undefined;
  readonly #redact: (text: string) => string;
  /** What servers say apart from what is said of them: the one must not push out the other. */
  readonly #remembered: { readonly order: number; readonly entry: LogEntry }[] = [];
  readonly #rememberedWords: { readonly order: number; readonly entry: LogEntry }[] = [];
  readonly #logged: Emitter<LogEntry>;
  readonly #debugWanted: Emitter<boolean>;
  readonly #rates = new Map<string, Rate>();
  readonly #repeats = new Map<string, LogRepeats>();
  readonly #debuggers = new Set<object>();
  #level: LogLevel;
  #order = 0;
  #fileTimer: Disposable | undefined;
  #repeatTimer: { readonly at: number; readonly timer: Disposable } | undefined;

  constructor({ clock, files, redact = (text) => text, level = 'info' }: EngineLogOptions) {
    this.#clock = clock;
    this.#files = files;
    this.#redact = redact;
    this.#level = level;
    // The log is where listener errors are reported; one of its own has nowhere else to go.
    this.#logged = new Emitter(() => undefined);
    this.#debugWanted = new Emitter(() => undefined);
  }

  /** Every line that anybody wants; each takes those of its level. */
  get onDidLog(): Emitter<LogEntry>['event'] {
    return this.#logged.event;
  }

  /** Fired with whether details are wanted, when that has changed. */
  get onDidChangeDebug(): Emitter<boolean>['event'] {
    return this.#debugWanted.event;
  }

  /** The most recent entries, oldest first. */
  get remembered(): readonly LogEntry[] {
    return [...this.#remembered, ...this.#rememberedWords]
      .sort((a, b) => a.order - b.order)
      .map(({ entry }) => entry);
  }

  /** The least that is written to the file, and remembered. */
  get level(): LogLevel {
    return this.#level;
  }

  set level(level: LogLevel) {
    this.#change(() => (this.#level = level));
  }

  /** Whether somebody wants lines for debugging. */
  get isDebugging(): boolean {
    return this.#level === 'debug' || this.#debuggers.size > 0;
  }

  /** Somebody wants them, until what is returned is disposed. */
  wantDebug(): Disposable {
    const who = {};
    this.#change(() => this.#debuggers.add(who));
    return toDisposable(() => this.#change(() => this.#debuggers.delete(who)));
  }

  #change(change: () => unknown): void {
    const before = this.isDebugging;
    change();
    if (this.isDebugging !== before) this.#debugWanted.fire(!before);
  }

  #wants(level: LogLevel): boolean {
    return level === 'debug' ? this.isDebugging : level !== 'info' || this.#level !== 'error';
  }

  /**
   * Writes a line. `kind`: what else is of the same kind, when it comes again; by default the line without its numbers. Answers whether it was written in full;
   * one of many is only counted.
   */
  write(level: LogLevel, message: string, server?: string, kind?: { kind: string; label: string }): boolean {
    if (!this.#wants(level)) return false;
    const at = this.#moment;
    const text = (): string => detached(this.#redact(message).slice(0, MAX_MESSAGE));
    // Details are wanted as they are.
    if (level !== 'debug') {
      const { kind: own, label = shortLabel(message) } = kind ?? {};
      const line = {
        kind: detached(own ?? `${level} ${message.slice(0, MAX_KIND).replace(/\d+/g, '#')}`),
        label: detached(this.#redact(label)),
        level,
        text,
      };
      if (!this.#repeatsOf(server).note(line, at)) {
        this.#planSummary();
        return false;
      }
    }
    if (server !== undefined && !this.#isWithinRate(server, server)) return false;
    // Redacted before it is cut: half a secret would not be known as one.
    this.#emit({ ...(server === undefined ? {} : { server }), level, message: text(), at: at.wall }, false);
    return true;
  }

  /** What a server itself has said. However much that is, what is logged of its state is not left out for it. */
  quote(level: LogLevel, message: string, server: string): void {
    if (!this.#wants(level)) return;
    const at = this.#moment;
    // Only the very same words are of one kind: in what a server says, numbers may matter.
    const kind = detached(`said ${message.length} ${message.slice(0, MAX_KIND)}`);
    const repeats = this.#repeatsOf(server);
    if (!repeats.isKnown(kind) && !this.#isWithinRate(`${server}\0quoted`, server)) return;
    if (!repeats.note({ kind, label: 'lines of its output', level }, at)) {
      this.#planSummary();
      return;
    }
    const text = detached(this.#redact(message).slice(0, MAX_MESSAGE));
    this.#emit({ server, level, message: text, at: at.wall }, true);
  }

  /** All is well again with a server: what was repeated until now is told in sum. `except`: the kind of the line that says so. */
  over(server: string, except: string): void {
    this.#tell(server, this.#repeats.get(server)?.end(except));
  }

  get #moment(): Moment {
    return { now: this.#clock.now(), wall: this.#clock.wallNow() };
  }

  #repeatsOf(server = ''): LogRepeats {
    let repeats = this.#repeats.get(server);
    if (repeats === undefined) {
      repeats = new LogRepeats();
      this.#repeats.set(server, repeats);
    }
    return repeats;
  }

  /** One timer for all servers: at the time of the next summary. */
  #planSummary(): void {
    let next = Infinity;
    for (const { dueAt } of this.#repeats.values()) if (dueAt !== undefined && dueAt < next) next = dueAt;
    if (next === Infinity || (this.#repeatTimer !== undefined && this.#repeatTimer.at <= next)) return;
    this.#repeatTimer?.timer.dispose();
    const delayMs = Math.max(1, next - this.#clock.now());
    this.#repeatTimer = {
      at: next,
      timer: this.#clock.setTimer(delayMs, () => this.#tellAll(), { unref: true }),
    };
  }

  #tellAll(): void {
    this.#repeatTimer = undefined;
    const at = this.#moment;
    for (const [server, repeats] of this.#repeats) {
      this.#tell(server, repeats.tell(at));
      if (repeats.isIdle(at.now)) this.#repeats.delete(server);
    }
    this.#planSummary();
  }

  #tell(server: string, summary: RepeatSummary | undefined): void {
    if (summary === undefined) return;
    const { level, message } = summary;
    const of = server === '' ? {} : { server };
    this.#emit({ ...of, level, message: message.slice(0, MAX_MESSAGE), at: this.#clock.wallNow() }, false);
  }

  #isWithinRate(key: string, server: string): boolean {
    const now = this.#clock.now();
    let rate = this.#rates.get(key);
    if (rate === undefined) {
      rate = { since: now, count: 0, leftOut: 0, toldAt: -Infinity, tellAfterMs: 1_000, timer: undefined };
      this.#rates.set(key, rate);
    }
    if (now - rate.since >= 1_000) {
      rate.since = now;
      rate.count = 0;
    }
    rate.count += 1;
    if (rate.count <= MAX_PER_SECOND) return true;
    rate.leftOut += 1;
    if (rate.timer === undefined) {
      const isAnotherFlood = now - rate.toldAt > 60_000;
      if (isAnotherFlood) rate.tellAfterMs = 1_000;
      const delayMs = isAnotherFlood ? rate.since + 1_000 - now : rate.tellAfterMs;
      rate.timer = this.#clock.setTimer(delayMs, () => this.#tellLeftOut(rate, server), { unref: true });
    }
    return false;
  }

  #tellLeftOut(rate: Rate, server: string): void {
    const message = `(${rate.leftOut} lines were left out)`;
    rate.timer = undefined;
    rate.leftOut = 0;
    rate.toldAt = this.#clock.now();
    rate.tellAfterMs = Math.min(MAX_TOLD_MS, rate.tellAfterMs * 2);
    this.#emit({ server, level: 'warn', message, at: this.#clock.wallNow() }, false);
  }

  #emit(entry: LogEntry, isQuoted: boolean): void {
    if (isAtLeast(entry.level, this.#level)) {
      const ring = isQuoted ? this.#rememberedWords : this.#remembered;
      ring.push({ order: (this.#order += 1), entry });
      if (ring.length > MAX_REMEMBERED / 2) ring.splice(0, MAX_REMEMBERED / 20);
      this.#writeToFile(entry, isQuoted);
    }
    this.#logged.fire(entry);
  }

  #writeToFile(entry: LogEntry, isQuoted: boolean): void {
    if (this.#files === undefined) return;
    this.#files.add(entry, isQuoted);
    this.#fileTimer ??= this.#clock.setTimer(FILE_INTERVAL_MS, () => this.flush(), { unref: true });
  }

  /** Writes what waits for the file; before the process ends. */
  flush(): void {
    this.#fileTimer?.dispose();
    this.#fileTimer = undefined;
    this.#files?.flush();
  }

  /** The engine ends: what was counted and not told yet is told. */
  close(): void {
    for (const [server, repeats] of this.#repeats) this.#tell(server, repeats.end());
    this.#repeats.clear();
    this.#repeatTimer?.timer.dispose();
    for (const { timer } of this.#rates.values()) timer?.dispose();
    this.flush();
  }
}

function shortLabel(message: string): string {
  const line = message.split('\n', 1)[0] ?? '';
  return line.length <= 80 ? line : `${line.slice(0, 79)}…`;
}
