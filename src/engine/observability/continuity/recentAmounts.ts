import { nothing, total, type Amount, type Amounts } from './figures.ts';

/** The recent window: the minute of the clock that runs, and the 59 before it. */
const BUCKET_MS = 60_000;
const BUCKETS = 60;

export const RECENT_WINDOW_MS = BUCKET_MS * BUCKETS;

type Sums = Record<Amount, number>;

interface Bucket {
  /** Number of the minute, counted from the clock's own beginning. */
  minute: number;
  readonly sums: Sums;
}

/** Amounts of one server, or of all of them: since the beginning, and of the recent window. Adding is O(1), and nothing is done between events. */
export class RecentAmounts {
  readonly #all: Sums = { ...nothing };
  /** A minute has the place of the one an hour before it. */
  readonly #buckets: (Bucket | undefined)[] = new Array<Bucket | undefined>(BUCKETS).fill(undefined);

  /** `at`: monotonic milliseconds at which it happened. */
  add(at: number, amount: Amount, value: number): void {
    this.#all[amount] += value;
    const minute = Math.floor(at / BUCKET_MS);
    const place = minute % BUCKETS;
    const bucket = (this.#buckets[place] ??= { minute, sums: { ...nothing } });
    if (bucket.minute !== minute) {
      bucket.minute = minute;
      Object.assign(bucket.sums, nothing);
    }
    bucket.sums[amount] += value;
  }

  get all(): Amounts {
    return this.#all;
  }

  /** `now`: monotonic milliseconds. */
  recent(now: number): Amounts {
    const minute = Math.floor(now / BUCKET_MS);
    const isRecent = (bucket: Bucket | undefined): bucket is Bucket =>
      bucket !== undefined && minute - bucket.minute < BUCKETS;
    return total(this.#buckets.filter(isRecent).map(({ sums }) => sums));
  }
}

/** Milliseconds until the next minute of the window begins. */
export function untilNextMinute(now: number): number {
  return (Math.floor(now / BUCKET_MS) + 1) * BUCKET_MS - now;
}
