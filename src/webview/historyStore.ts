import {
  messageLimits,
  type DashboardHistory,
  type HistoryPoint,
  type HistoryRange,
} from '../shared/protocol/dashboardData.ts';
import { joinSamples } from '../shared/protocol/joinSamples.ts';

/** What the graphs of all servers are drawn from. */
export interface KnownHistory {
  /** Anything at all was told yet. */
  readonly isKnown: boolean;
  readonly now: number;
  readonly windowMs: number;
  readonly intervalMs: number;
  of(server: string): { readonly points: readonly HistoryPoint[]; readonly summary: string };
}

interface ServerPart {
  points: readonly HistoryPoint[];
  summary: string;
  /** `now` of the store when what is too old was left out last. */
  trimmedAt: number;
}

const nothing = { points: [], summary: '' };

/** Puts together what the host told of the history, part by part. */
export class HistoryStore implements KnownHistory {
  now = 0;
  windowMs = 1;
  intervalMs = 1;
  #range: HistoryRange | undefined;
  readonly #servers = new Map<string, ServerPart>();

  get isKnown(): boolean {
    return this.#range !== undefined;
  }

  /** Without what is older than the window, also where nothing is new. Left out only when somebody looks: most graphs are out of sight. */
  of(server: string): { readonly points: readonly HistoryPoint[]; readonly summary: string } {
    const known = this.#servers.get(server);
    if (known === undefined) return nothing;
    if (known.trimmedAt !== this.now) {
      const first = known.points.findIndex(({ at }) => this.now - at < this.windowMs);
      if (first !== 0) known.points = first < 0 ? [] : known.points.slice(first);
      known.trimmedAt = this.now;
    }
    return known;
  }

  apply({ range, now, windowMs, intervalMs, isDelta, servers }: DashboardHistory): void {
    // Parts of another range do not fit: the page asked for this one meanwhile.
    if (isDelta && range !== this.#range) return;
    if (!isDelta) this.#servers.clear();
    this.#range = range;
    this.now = now;
    this.windowMs = windowMs;
    this.intervalMs = intervalMs;
    for (const { name, points, summary } of servers) {
      const known = this.#servers.get(name)?.points ?? [];
      if (known.length === 0 && this.#servers.size >= messageLimits.servers) continue;
      this.#servers.set(name, { points: joinSamples(known, points, this), summary, trimmedAt: now });
    }
  }
}
