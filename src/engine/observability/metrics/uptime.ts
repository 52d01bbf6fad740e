/**
 * What a moment of a server counts as. `unused`: nobody wanted it, or nothing is known against it yet — it is idle, disabled, isolated by hand,
 * or starting without a failure before. That counts neither for it nor against it.
 */
export type Availability = 'usable' | 'down' | 'unused';

/** Milliseconds since the beginning; they only grow, so that the figures of any span are the difference of two readings. */
export interface UptimeReading {
  readonly usableMs: number;
  readonly downMs: number;
  readonly unusedMs: number;
}

/**
 * How much of the time that a server was wanted it could be used (requirements R11.1, R11.6). Pure: told of every change, and asked at any moment. An engine that
 * does not run measures nothing.
 */
export class Uptime {
  readonly #now: () => number;
  readonly #ms: Record<Availability, number> = { usable: 0, down: 0, unused: 0 };
  #availability: Availability = 'unused';
  #since: number;

  /** `now`: monotonic milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
    this.#since = now();
  }

  get availability(): Availability {
    return this.#availability;
  }

  note(availability: Availability): void {
    if (availability === this.#availability) return;
    const now = this.#now();
    this.#ms[this.#availability] += now - this.#since;
    this.#since = now;
    this.#availability = availability;
  }

  get reading(): UptimeReading {
    const { usable, down, unused } = this.#ms;
    const running = (availability: Availability): number =>
      availability === this.#availability ? this.#now() - this.#since : 0;
    return {
      usableMs: usable + running('usable'),
      downMs: down + running('down'),
      unusedMs: unused + running('unused'),
    };
  }

  /** 0 to 1; `undefined` while it was never wanted. */
  get ratio(): number | undefined {
    return uptimeRatio(this.reading);
  }
}

/** Usable time of wanted time, 0 to 1, between two readings; `undefined` where it was not wanted. */
export function uptimeRatio(
  to: UptimeReading,
  from: UptimeReading = { usableMs: 0, downMs: 0, unusedMs: 0 },
): number | undefined {
  const usableMs = to.usableMs - from.usableMs;
  const wantedMs = usableMs + to.downMs - from.downMs;
  return wantedMs > 0 ? usableMs / wantedMs : undefined;
}
