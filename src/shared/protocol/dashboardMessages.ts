import * as z from 'zod/mini';

/**
 * What the extension host and the dashboard's page say to each other. The host makes all words, in the user's language; the
 * page only fills in times that move on. Both messages of the host are always whole: a lost one is made good by the next.
 */

/** A sentence with a moment in it: `{0}` in the text stands for the time until then, or since then, as words. */
export interface Phrase {
  readonly text: string;
  /** Wall-clock milliseconds of the host. Absent: the text has no moment, and is shown as it is. */
  readonly at?: number;
}

export const tones = ['good', 'neutral', 'busy', 'warning', 'error', 'muted'] as const;
/** What colour says beside the words; never alone. */
export type Tone = (typeof tones)[number];

export interface CardFact {
  /** The same for the same fact, whatever it says just now. */
  readonly key: string;
  readonly label: string;
  readonly phrase: Phrase;
  /** Text from elsewhere, a server's error for example, shown as it is. */
  readonly detail?: string;
}

/** A recovery that somebody asked for: under way, or what became of it. */
export interface CardRecovery {
  readonly kind: 'running' | 'succeeded' | 'failed' | 'skipped';
  readonly text: string;
}

/** What a card offers beside recovery and log, by the names of the engine's actions. */
export const cardActions = ['resetBreaker', 'rejoin', 'freePort', 'acceptChange'] as const;
export type CardActionId = (typeof cardActions)[number];

export interface CardAction {
  readonly id: CardActionId;
  readonly label: string;
  /** Spoken: with the server's name. */
  readonly spoken: string;
}

export interface DashboardCard {
  /** Server name: the card's identity. */
  readonly name: string;
  readonly tone: Tone;
  /** A codicon's name, of which the page draws its own. */
  readonly icon: string;
  readonly state: string;
  /** Something that happened a moment ago and may be over already, such as a restart. */
  readonly recent?: Phrase;
  readonly sentence: string;
  readonly facts: readonly CardFact[];
  /** The current figures, or that there are none; absent for a server that cannot run. */
  readonly latency?: string;
  readonly recovery?: CardRecovery;
  /** Whether there is something that could be recovered at all, and whether it can be now. */
  readonly offersRecovery: boolean;
  readonly canRecover: boolean;
  /** What makes sense just now; empty while there is no engine. */
  readonly actions: readonly CardAction[];
  /** Whether the recovery is what a person will want next. */
  readonly isUnwell: boolean;
}

export const noticeActions = ['openSettings', 'startEngine', 'manageTrust'] as const;
export type NoticeAction = (typeof noticeActions)[number];

/** Something about the whole window that the cards alone do not tell. */
export interface DashboardNotice {
  readonly key: string;
  readonly tone: Tone;
  readonly icon: string;
  readonly text: string;
  /** What happens next, or what a person can do. */
  readonly next?: Phrase;
  readonly action?: { readonly id: NoticeAction; readonly label: string };
}

export interface DashboardModel {
  /** The host's wall clock when this was made: the page may run on another machine. */
  readonly now: number;
  readonly tone: Tone;
  readonly icon: string;
  readonly sentence: string;
  /** How many servers are well; empty without servers. */
  readonly count: string;
  readonly canRecoverAll: boolean;
  readonly notices: readonly DashboardNotice[];
  readonly cards: readonly DashboardCard[];
}

/** One bucket of a server's latest minutes. Without calls it has no latencies, and the line has a gap. */
export interface HistoryPoint {
  readonly at: number;
  readonly p50Ms?: number;
  readonly p95Ms?: number;
  readonly hasFailures: boolean;
  readonly isDown: boolean;
}

export interface ServerHistory {
  readonly name: string;
  readonly points: readonly HistoryPoint[];
  /** The highest p95: the upper end of the scale. 0 when there was no call. */
  readonly maxMs: number;
  readonly maxWords: string;
  /** The whole graph as text. */
  readonly summary: string;
}

export interface DashboardHistory {
  readonly now: number;
  readonly windowMs: number;
  readonly intervalMs: number;
  readonly servers: readonly ServerHistory[];
}

export type HostMessage =
  | { readonly kind: 'model'; readonly model: DashboardModel }
  | { readonly kind: 'history'; readonly history: DashboardHistory };

/** The page's words that never change; they come with the page itself. `{0}` is a server's name. */
export interface PageWords {
  readonly servers: string;
  readonly forceRecovery: string;
  readonly forceRecoveryOf: string;
  readonly showLog: string;
  readonly showLogOf: string;
  readonly recoverAll: string;
  readonly latency: string;
  /** Under the left and the right end of the graph. */
  readonly windowStart: string;
  readonly windowEnd: string;
  readonly noCallsLately: string;
  readonly loading: string;
}

const server = z.string().check(z.minLength(1), z.maxLength(256));

const pageMessageSchema = z.discriminatedUnion('kind', [
  /** The page can be written to. */
  z.strictObject({ kind: z.literal('ready') }),
  z.strictObject({ kind: z.literal('forceRecovery'), server }),
  z.strictObject({ kind: z.literal('showLog'), server }),
  z.strictObject({ kind: z.literal('forceRecoveryAll') }),
  z.strictObject({ kind: z.literal('act'), action: z.enum(cardActions), server }),
  z.strictObject({ kind: z.literal('notice'), action: z.enum(noticeActions) }),
]);

/** What the page asks for. */
export type PageMessage = z.infer<typeof pageMessageSchema>;

/** Parses a message of the page; `undefined` when it is none. */
export function parsePageMessage(value: unknown): PageMessage | undefined {
  const parsed = pageMessageSchema.safeParse(value);
  return parsed.success ? parsed.data : undefined;
}
