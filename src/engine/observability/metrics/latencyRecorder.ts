import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { toDisposable, type Disposable } from '../../../shared/base/disposable.ts';

/**
 * From a microsecond to ten minutes, which no deadline exceeds, in microseconds and to two significant figures: what is read is at most 1 % less than
 * what was recorded. 23 KB each and 16 ns a call (decision 52); a third figure would take 149 KB.
 */
const RANGE = { lowest: 1, highest: 600_000_000, figures: 2 } as const;
const US_PER_MS = 1_000;

/** A slot of the recent window; the window is this many of them, the one that is being filled included. */
const SLOT_MS = 60_000;
const SLOTS = 5;

/** Milliseconds over so many answered calls. Percentiles by the nearest rank. */
export interface LatencyFigures {
  readonly samples: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly meanMs: number;
}

/** Is told of every latency, in milliseconds. */
export interface LatencyFollower {
  record(ms: number): void;
}

interface Slot {
  number: number;
  readonly histogram: RecordableHistogram;
}

/** One for all: a sum is read at once. */
let sum: RecordableHistogram | undefined;

/**
 * How long the answered calls of one server took, from when they came until their answer went out, waiting and retries included
 * (requirements R11.1). In HDR histograms (Tene, HdrHistogram): one over its life, and one a minute for what is shown as now.
 */
export class LatencyRecorder {
  readonly #now: () => number;
  #lifetime: RecordableHistogram | undefined;
  readonly #slots: Slot[] = [];
  readonly #followers = new Set<LatencyFollower>();
  #count = 0;
  #lastMs = 0;
  #lastAt = 0;
  #recent: { readonly count: number; readonly slot: number; readonly figures: LatencyFigures } | undefined;

  /** `now`: monotonic milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** How many were recorded. */
  get count(): number {
    return this.#count;
  }

  /** What the last one took; 0 before the first. */
  get lastMs(): number {
    return this.#lastMs;
  }

  /** When the last one was recorded, monotonic milliseconds; 0 before the first. */
  get lastAt(): number {
    return this.#lastAt;
  }

  static readonly windowMs = SLOT_MS * SLOTS;

  /** `now`: monotonic milliseconds of this moment. */
  record(ms: number, now: number): void {
    const value = Math.min(RANGE.highest, Math.max(RANGE.lowest, Math.round(ms * US_PER_MS)));
    this.#lifetime ??= createHistogram(RANGE);
    this.#lifetime.record(value);
    this.#slot(Math.floor(now / SLOT_MS)).record(value);
    for (const follower of this.#followers) follower.record(ms);
    this.#count += 1;
    this.#lastMs = ms;
    this.#lastAt = now;
  }

  #slot(number: number): RecordableHistogram {
    const at = number % SLOTS;
    const slot = (this.#slots[at] ??= { number, histogram: createHistogram(RANGE) });
    if (slot.number !== number) {
      slot.number = number;
      slot.histogram.reset();
    }
    return slot.histogram;
  }

  /** Of all since the engine began to know the server; `undefined` before the first. */
  get lifetime(): LatencyFigures | undefined {
    return this.#lifetime === undefined ? undefined : figuresOf(this.#lifetime);
  }

  /**
   * Of the last five minutes: the minute under way and the four before it. Where nothing was answered in them, of the last minute in which
   * something was, so that a server that is called once an hour shows its own time and not nothing.
   */
  get recent(): LatencyFigures | undefined {
    if (this.#count === 0) return undefined;
    const slot = Math.floor(this.#now() / SLOT_MS);
    if (this.#recent?.count !== this.#count || this.#recent.slot !== slot)
      this.#recent = { count: this.#count, slot, figures: this.#sumOf(slot) };
    return this.#recent.figures;
  }

  #sumOf(slot: number): LatencyFigures {
    const last = Math.floor(this.#lastAt / SLOT_MS);
    const first = Math.min(last, slot - SLOTS + 1);
    const parts = this.#slots.filter(({ number }) => number >= first);
    const [only] = parts;
    if (parts.length === 1 && only !== undefined) return figuresOf(only.histogram);
    sum ??= createHistogram(RANGE);
    sum.reset();
    for (const { histogram } of parts) sum.add(histogram);
    return figuresOf(sum);
  }

  /** For who counts by itself, and adds up what it has counted: a histogram of Node gives percentiles only. */
  follow(follower: LatencyFollower): Disposable {
    this.#followers.add(follower);
    return toDisposable(() => this.#followers.delete(follower));
  }
}

function figuresOf(histogram: RecordableHistogram): LatencyFigures {
  const at = (percent: number): number => histogram.percentile(percent) / US_PER_MS;
  return {
    samples: histogram.count,
    p50Ms: at(50),
    p95Ms: at(95),
    p99Ms: at(99),
    maxMs: at(100),
    meanMs: histogram.mean / US_PER_MS,
  };
}
