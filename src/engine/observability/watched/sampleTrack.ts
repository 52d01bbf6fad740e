import type { MissReason, WatchState, WatchedSnapshot } from '../../../shared/model/watched.ts';
import { MAX_WATCH_ENTRIES, type WatchEntryShown } from '../../../shared/protocol/watchedMessages.ts';
import type { WatchEntry } from '../../../shared/settings/watch.ts';

/** What came of asking for a sample. `lost`: the server went away meanwhile; it is asked again when it is back. */
export type SampleResult =
  | { readonly kind: 'value'; readonly value: number }
  | { readonly kind: 'missed'; readonly reason: MissReason; readonly why?: string }
  | { readonly kind: 'lost' };

export interface Times {
  /** Monotonic milliseconds. */
  now(): number;
  wallNow(): number;
}

/**
 * The samples of one watched value (requirements R11.7). Pure: told when a sample is asked for and what came of it.
 *
 * Samples are due on a fixed grid, the first when the value begins to be watched. Each slot of the grid becomes exactly one thing: a value, or a missing one with its
 * reason; nothing is interpolated. Only the slot that is due now can be sampled, be it late: those before it, that nobody could ask for, are missing. One sample is
 * under way at a time, so that a slow server piles up nothing.
 */
export class SampleTrack {
  readonly entry: WatchEntry;
  readonly everyMs: number;
  readonly #times: Times;
  /** When slot 0 is due, monotonic. */
  readonly #origin: number;
  /** The first slot that nothing has been said of. */
  #next = 0;
  /** The slot that is asked for now; the one before `#next`. */
  #pending: number | undefined;
  readonly #entries: WatchEntryShown[] = [];
  #last: { readonly value: number; readonly at: number } | undefined;
  #taken = 0;
  #missing = 0;

  constructor(entry: WatchEntry, times: Times) {
    this.entry = entry;
    this.everyMs = entry.everySeconds * 1_000;
    this.#times = times;
    this.#origin = times.now();
  }

  /** The slot that is due now, or was last. */
  get #current(): number {
    return Math.floor((this.#times.now() - this.#origin) / this.everyMs);
  }

  /** The current slot can be asked for. */
  get isOwed(): boolean {
    return this.#pending === undefined && this.#current >= this.#next;
  }

  /** Milliseconds until the next sample is due; `Infinity` while one is under way. */
  get dueInMs(): number {
    if (this.#pending !== undefined) return Infinity;
    return Math.max(0, this.#origin + this.#next * this.everyMs - this.#times.now());
  }

  /** Until now nobody could ask, for this reason: what was due before the current slot is missing. */
  pass(reason: MissReason): void {
    if (this.#pending === undefined) this.#missUpTo(this.#current, { reason });
  }

  /** The machine slept for so long, with the grid standing still; the samples that would have been due in it are missing. */
  noteSleep(sleptMs: number): void {
    const count = Math.floor(sleptMs / this.everyMs);
    if (count === 0) return;
    const to = this.#times.wallNow();
    this.#addMissed({ from: to - (count - 1) * this.everyMs, to, count }, { reason: 'paused' });
  }

  /** The current slot is asked for; it must be owed. `reason`: why those before it were not. */
  begin(reason: MissReason): void {
    this.pass(reason);
    this.#pending = this.#current;
    this.#next = this.#pending + 1;
  }

  /** What came of it. */
  end(result: SampleResult): void {
    const slot = this.#pending;
    if (slot === undefined) return;
    this.#pending = undefined;
    this.#next = slot;
    if (result.kind === 'lost') return;
    if (result.kind === 'missed') this.#missUpTo(slot + 1, result);
    else this.#take(slot, result.value);
    // The next one is asked for when it is due: who is slow is not asked without a pause.
    this.#missUpTo(this.#current + 1, { reason: 'slow' });
  }

  #take(slot: number, value: number): void {
    const at = this.#times.wallNow();
    this.#last = { value, at };
    this.#taken += 1;
    this.#next = slot + 1;
    this.#push({ kind: 'value', due: this.#wallOf(slot), at, value });
  }

  #missUpTo(end: number, why: { readonly reason: MissReason; readonly why?: string }): void {
    const count = end - this.#next;
    if (count <= 0) return;
    this.#addMissed({ from: this.#wallOf(this.#next), to: this.#wallOf(end - 1), count }, why);
    this.#next = end;
  }

  #addMissed(
    span: { readonly from: number; readonly to: number; readonly count: number },
    why: { readonly reason: MissReason; readonly why?: string },
  ): void {
    const { reason } = why;
    this.#missing += span.count;
    const last = this.#entries.at(-1);
    const words = why.why === undefined ? {} : { why: why.why };
    if (last?.kind !== 'missed' || last.reason !== reason) {
      this.#push({ kind: 'missed', ...span, reason, ...words });
      return;
    }
    const longer = { ...last, to: span.to, count: last.count + span.count, ...words };
    this.#entries[this.#entries.length - 1] = longer;
  }

  #push(entry: WatchEntryShown): void {
    this.#entries.push(entry);
    if (this.#entries.length > MAX_WATCH_ENTRIES) this.#entries.shift();
  }

  /** Wall-clock milliseconds at which a slot is, or was, due. */
  #wallOf(slot: number): number {
    const { now, wallNow } = { now: this.#times.now(), wallNow: this.#times.wallNow() };
    return wallNow - (now - (this.#origin + slot * this.everyMs));
  }

  get entries(): readonly WatchEntryShown[] {
    return this.#entries;
  }

  /** `hindrance`: why nobody can ask now; absent while somebody can. */
  snapshot(hindrance: MissReason | undefined): WatchedSnapshot {
    const { name, min, max } = this.entry;
    const missed = this.#missed(hindrance);
    const last = this.#last;
    return {
      name,
      state: missed === undefined ? this.stateOfLast : 'missed',
      ...(last ?? {}),
      ...(min === undefined ? {} : { min }),
      ...(max === undefined ? {} : { max }),
      everyMs: this.everyMs,
      ...(missed === undefined ? {} : { missed }),
      taken: this.#taken,
      missing: this.#missing,
    };
  }

  /** The last value against its thresholds, whatever has been missing since. */
  get stateOfLast(): Exclude<WatchState, 'missed'> {
    const { min = -Infinity, max = Infinity } = this.entry;
    if (this.#last === undefined) return 'waiting';
    const { value } = this.#last;
    if (value < min) return 'below';
    return value > max ? 'above' : 'ok';
  }

  #missed(hindrance: MissReason | undefined): WatchedSnapshot['missed'] {
    const last = this.#entries.at(-1);
    const known = last?.kind === 'missed' ? last : undefined;
    if (hindrance === undefined || !this.isOwed)
      return known === undefined
        ? undefined
        : { reason: known.reason, since: known.from, ...(known.why === undefined ? {} : { why: known.why }) };
    return { reason: hindrance, since: known?.reason === hindrance ? known.from : this.#wallOf(this.#next) };
  }
}
