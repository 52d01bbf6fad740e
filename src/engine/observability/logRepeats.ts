import type { LogLevel } from '../../shared/protocol/engineMessages.ts';

/** So many lines of one kind are written in full; the rest is counted. */
const FULL = 5;
/** What was counted is told after a minute, and then at intervals that double, up to an hour. */
const FIRST_INTERVAL_MS = 60_000;
const MAX_INTERVAL_MS = 3_600_000;
/** What has not come for so long is over: longer than the longest interval of a crash loop (five minutes) with a start that hangs. */
const QUIET_MS = 900_000;
/** Kinds that are told apart, of one server. */
const MAX_KINDS = 100;
/** Kinds that a summary names. */
const MAX_NAMED = 8;

/** A line that may be one of many. */
export interface RepeatedLine {
  /** Lines with the same are of one kind. */
  readonly kind: string;
  /** What a summary calls it. */
  readonly label: string;
  readonly level: LogLevel;
  /** The line, for a summary that tells the last one; asked for only when the line is not written. */
  readonly text?: () => string;
}

/** A moment: `now` monotonic, `wall` for people; milliseconds. */
export interface Moment {
  readonly now: number;
  readonly wall: number;
}

export interface RepeatSummary {
  readonly level: LogLevel;
  readonly message: string;
}

interface Kind {
  readonly label: string;
  readonly level: LogLevel;
  count: number;
  /** Since the last summary. */
  held: number;
  last: Moment;
}

/**
 * What is said of one server again and again, as in a crash loop, is said in full a few times and then summarised at growing intervals (requirements
 * R11.4): who reads it sees when it began, how often it happened, what came last, and when it ended. Kinds that come rarely stay whole.
 */
export class LogRepeats {
  readonly #kinds = new Map<string, Kind>();
  #began: Moment | undefined;
  #last: { readonly at: Moment; readonly text: string | undefined } | undefined;
  #toldAt = 0;
  #intervalMs = FIRST_INTERVAL_MS;
  /** Of kinds that are not told apart any more. */
  readonly #forgotten = new Map<string, number>();

  /** It came a short while ago. */
  isKnown(kind: string): boolean {
    return this.#kinds.has(kind);
  }

  /** Whether a line is written in full. */
  note(line: RepeatedLine, at: Moment): boolean {
    const known = this.#kinds.get(line.kind);
    const isFresh = known === undefined || at.now - known.last.now >= QUIET_MS;
    if (isFresh) {
      // Its end is told by the others of its server; it begins anew.
      if (known !== undefined) this.#forget(line.kind, known);
      this.#makeRoom();
      this.#kinds.set(line.kind, { label: line.label, level: line.level, count: 1, held: 0, last: at });
      return true;
    }
    known.last = at;
    known.count += 1;
    this.#kinds.delete(line.kind);
    this.#kinds.set(line.kind, known);
    if (known.count <= FULL) return true;
    if (this.#began === undefined) {
      this.#began = at;
      this.#toldAt = at.now;
      this.#intervalMs = FIRST_INTERVAL_MS;
    }
    known.held += 1;
    this.#last = { at, text: line.text?.() ?? this.#last?.text };
    return false;
  }

  /** Monotonic time at which `tell` has something to say; `undefined` while nothing is left out. */
  get dueAt(): number | undefined {
    if (this.#began === undefined) return undefined;
    const quietAt = (this.#last?.at.now ?? 0) + QUIET_MS;
    return this.#isHolding ? Math.min(quietAt, this.#toldAt + this.#intervalMs) : quietAt;
  }

  /** The summary that is due. */
  tell(at: Moment): RepeatSummary | undefined {
    if (this.#began === undefined) return undefined;
    if (at.now - (this.#last?.at.now ?? 0) >= QUIET_MS) return this.end();
    if (!this.#isHolding || at.now < this.#toldAt + this.#intervalMs) return undefined;
    const held = [...this.#kinds.values()].filter((kind) => kind.held > 0);
    const message = `repeated ${this.#since(at)}, not written in full: ${countsOf(held.map(({ label, held: count }) => [label, count]))}${this.#lastWords}`;
    for (const kind of held) kind.held = 0;
    this.#toldAt = at.now;
    this.#intervalMs = Math.min(MAX_INTERVAL_MS, this.#intervalMs * 2);
    return { level: highest(held), message };
  }

  /** It is over, because nothing came any more, or because all is well again. Kinds other than `except` begin anew. */
  end(except?: string): RepeatSummary | undefined {
    const began = this.#began;
    const last = this.#last;
    const repeated = [...this.#kinds].filter(([, { count }]) => count > FULL);
    const counts = [...this.#forgotten, ...repeated.map(([, { label, count }]) => [label, count] as const)];
    const level = highest(repeated.map(([, kind]) => kind));
    const words = this.#lastWords;
    const kept = except === undefined ? undefined : this.#kinds.get(except);
    this.#kinds.clear();
    if (except !== undefined && kept !== undefined) this.#kinds.set(except, kept);
    this.#forgotten.clear();
    this.#began = undefined;
    this.#last = undefined;
    if (began === undefined || last === undefined) return undefined;
    const message = `repeated from ${time(began.wall)} to ${time(last.at.wall)} (${seconds(last.at.now - began.now)}), over now: in all ${countsOf(counts)}${words}`;
    return { level: level === 'error' ? 'warn' : level, message };
  }

  /** Nothing is known that would have to be told, or kept, at this time. */
  isIdle(now: number): boolean {
    return (
      this.#began === undefined && [...this.#kinds.values()].every(({ last }) => now - last.now >= QUIET_MS)
    );
  }

  get #isHolding(): boolean {
    for (const { held } of this.#kinds.values()) if (held > 0) return true;
    return false;
  }

  get #lastWords(): string {
    const text = this.#last?.text;
    return text === undefined ? '' : `; the last: ${text}`;
  }

  #since(at: Moment): string {
    const { wall = 0, now = 0 } = this.#began ?? {};
    return `since ${time(wall)} (${seconds(at.now - now)})`;
  }

  #makeRoom(): void {
    if (this.#kinds.size < MAX_KINDS) return;
    // Rather one that is not being counted.
    const rare = [...this.#kinds].find(([, { count }]) => count <= FULL);
    const [kind, known] = rare ?? this.#kinds.entries().next().value ?? [];
    if (kind !== undefined && known !== undefined) this.#forget(kind, known);
  }

  #forget(kind: string, { label, count }: Kind): void {
    this.#kinds.delete(kind);
    if (count <= FULL) return;
    const name = this.#forgotten.size < MAX_KINDS ? label : 'other lines';
    this.#forgotten.set(name, (this.#forgotten.get(name) ?? 0) + count);
  }
}

/** `12 x broken -> crashLoop, 3 x …`; labels that are the same are one. */
function countsOf(counts: Iterable<readonly [label: string, count: number]>): string {
  const byLabel = new Map<string, number>();
  for (const [label, count] of counts) byLabel.set(label, (byLabel.get(label) ?? 0) + count);
  const sorted = [...byLabel].sort(([, a], [, b]) => b - a);
  const named = sorted.slice(0, MAX_NAMED).map(([label, count]) => `${count} x ${label}`);
  const rest = sorted.slice(MAX_NAMED).reduce((sum, [, count]) => sum + count, 0);
  return [...named, ...(rest === 0 ? [] : [`${rest} x others`])].join(', ');
}

const ranks: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

function highest(kinds: readonly { readonly level: LogLevel }[]): LogLevel {
  return kinds.reduce<LogLevel>((most, { level }) => (ranks[level] > ranks[most] ? level : most), 'info');
}

function time(wallMs: number): string {
  return new Date(wallMs).toISOString();
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1_000)} s`;
}
