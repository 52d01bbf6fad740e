import type { DashboardModel, Tone } from './dashboardMessages.ts';
import type { EventKind } from './eventMessages.ts';

/** What the dashboard's page is told beside the state of the servers: their history, events and watched values. */

export const historyRanges = ['5m', '1h', '24h', '7d'] as const;
export type HistoryRange = (typeof historyRanges)[number];

/** Limits of one message; the page takes no more, and what is more is sent in several. */
export const messageLimits = {
  servers: 1_000,
  historyServers: 10,
  events: 500,
  watches: 32,
  watchedPoints: 700,
} as const;
/** Events that a page holds; the oldest are left out. */
export const MAX_PAGE_EVENTS = 10_000;

/** One bucket of a server's time. Without calls it has no latencies, and the line has a gap. */
export interface HistoryPoint {
  readonly at: number;
  readonly ms: number;
  readonly p50Ms?: number;
  readonly p95Ms?: number;
  /** That ended in it. */
  readonly calls?: number;
  readonly failures: number;
  /** Shares of it in which the server was usable, and down. */
  readonly usable: number;
  readonly down: number;
  /** The worst in it. */
  readonly breaker: 'closed' | 'halfOpen' | 'open' | 'isolated';
}

export interface ServerHistory {
  readonly name: string;
  readonly points: readonly HistoryPoint[];
  /** The graph, the states and the breaker as text. */
  readonly summary: string;
}

export interface DashboardHistory {
  readonly range: HistoryRange;
  readonly now: number;
  readonly windowMs: number;
  readonly intervalMs: number;
  /** Without it, what the page knew of all servers is void. */
  readonly isDelta: boolean;
  readonly servers: readonly ServerHistory[];
}

export interface DashboardEvent {
  readonly id: number;
  readonly at: number;
  readonly kind: EventKind;
  readonly server?: string;
  readonly tone: Tone;
  readonly text: string;
}

export interface DashboardEvents {
  /** Without it, what the page knew is void. */
  readonly isDelta: boolean;
  readonly events: readonly DashboardEvent[];
}

/** A sample; without a value it is missing. */
export interface WatchedPoint {
  readonly at: number;
  readonly value?: number;
}

export interface WatchedValue {
  readonly name: string;
  readonly min?: number;
  readonly max?: number;
  readonly tone: Tone;
  /** The last value, or why there is none. */
  readonly text: string;
  /** Its thresholds; empty without any. */
  readonly limits: string;
  /** The graph as text. */
  readonly summary: string;
  readonly points: readonly WatchedPoint[];
}

/** The watched values of one server; always all of them. */
export interface DashboardWatched {
  readonly server: string;
  readonly now: number;
  readonly windowMs: number;
  readonly values: readonly WatchedValue[];
}

export type HostMessage =
  | { readonly kind: 'model'; readonly isDelta: boolean; readonly model: DashboardModel }
  | { readonly kind: 'history'; readonly history: DashboardHistory }
  | { readonly kind: 'events'; readonly events: DashboardEvents }
  | { readonly kind: 'watched'; readonly watched: DashboardWatched }
  /** All that there was of it is told, or the engine does not tell it just now and is asked again. */
  | {
      readonly kind: 'told';
      readonly part: ToldPart;
      readonly range: HistoryRange;
      readonly isWhole: boolean;
    }
  /** What a person asked for is done, was refused or was given up. */
  | { readonly kind: 'done'; readonly ask: number };

/** What is told at first in several messages, and takes a while. */
export const toldParts = ['history', 'events'] as const;
export type ToldPart = (typeof toldParts)[number];

/** The page's words that never change; they come with the page itself. `{0}` is filled in by the page. */
export interface PageWords {
  readonly servers: string;
  readonly forceRecovery: string;
  readonly forceRecoveryOf: string;
  readonly showLog: string;
  readonly showLogOf: string;
  readonly recoverAll: string;
  readonly latency: string;
  readonly windowEnd: string;
  readonly noCallsLately: string;
  readonly loading: string;
  readonly state: string;
  readonly breaker: string;
  readonly health: string;
  readonly alerts: string;
  readonly queue: string;
  readonly continuity: string;
  readonly range: string;
  readonly ranges: Readonly<Record<HistoryRange, string>>;
  readonly legend: {
    readonly usable: string;
    readonly down: string;
    readonly notInUse: string;
    readonly failures: string;
  };
  readonly watched: string;
  readonly table: {
    readonly title: string;
    readonly of: string;
    readonly from: string;
    readonly calls: string;
    readonly callsFailed: string;
    readonly downFor: string;
    readonly breaker: Readonly<Record<'open' | 'halfOpen' | 'isolated', string>>;
  };
  readonly underWay: string;
  readonly loadingHistory: string;
  readonly noHistory: string;
  readonly loadingEvents: string;
  readonly noEventsTold: string;
  readonly events: string;
  readonly allServers: string;
  readonly allKinds: string;
  readonly kinds: Readonly<Record<EventKind, string>>;
  readonly kind: string;
  readonly server: string;
  readonly searchText: string;
  readonly shownOf: string;
  readonly showMore: string;
  readonly noEvents: string;
  readonly goToEvents: string;
}
