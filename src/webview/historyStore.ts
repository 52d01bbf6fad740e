import type { DashboardHistory, HistoryPoint, HistoryRange } from '../shared/protocol/dashboardData.ts';
import { joinSamples } from '../shared/protocol/joinSamples.ts';

/** What the graphs of all servers are drawn from. */
export interface KnownHistory {
  readonly now: number;
  readonly windowMs: number;
  readonly intervalMs: number;
  of(server: string): { readonly points: readonly HistoryPoint[]; readonly summary: string };
}

const nothing = { points: [], summary: '' };

/** Puts together what the host told of the history, part by part. */
export class HistoryStore implements KnownHistory {
  now = 0;
  windowMs = 1;
  intervalMs = 1;
  #range: HistoryRange | undefined;
  readonly #servers = new Map<string, { points: readonly HistoryPoint[]; summary: string }>();

  of(server: string): { readonly points: readonly HistoryPoint[]; readonly summary: string } {
    return this.#servers.get(server) ?? nothing;
  }

  apply({ range, now, windowMs, intervalMs, isDelta, servers }: DashboardHistory): void {
    // Parts of another range do not fit: the page asked for this one meanwhile.
    if (isDelta && range !== this.#range) return;
    if (!isDelta) this.#servers.clear();
    this.#range = range;
    this.now = now;
    this.windowMs = windowMs;
    this.intervalMs = intervalMs;
    const time = { now, windowMs, intervalMs };
    for (const { name, points, summary } of servers) {
      this.#servers.set(name, { points: joinSamples(this.of(name).points, points, time), summary });
    }
    // What is older than the window goes, also where nothing is new.
    for (const [name, { points, summary }] of this.#servers) {
      this.#servers.set(name, { points: joinSamples(points, [], time), summary });
    }
  }
}
