import * as z from 'zod/mini';
import { historyRanges } from './dashboardData.ts';

/**
 * What the extension host and the dashboard's page say to each other. The host makes all words, in the user's language; the
 * page only fills in times that move on. A page that is shown gets everything, and then what is new.
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

/** So many servers are in this condition. */
export interface HealthCount {
  readonly key: string;
  readonly tone: Tone;
  readonly icon: string;
  readonly text: string;
}

/** An alert that fires. */
export interface DashboardAlert {
  readonly key: string;
  readonly tone: Tone;
  /** Whom it is about, and what is the case. */
  readonly text: string;
  readonly since: Phrase;
}

/** A server that is down, and when it is tried next. In the order of that. */
export interface QueueEntry {
  readonly key: string;
  readonly server: string;
  readonly phrase: Phrase;
}

/** One of the four figures of continuity (docs/continuity.md). */
export interface ContinuityEntry {
  readonly key: string;
  readonly symbol: string;
  readonly label: string;
  readonly value: string;
  /** Since the engine's start, and the target where it is missed. */
  readonly detail: string;
  readonly isMissed: boolean;
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
  readonly counts: readonly HealthCount[];
  readonly alerts: readonly DashboardAlert[];
  readonly queue: readonly QueueEntry[];
  readonly continuity: readonly ContinuityEntry[];
  readonly notices: readonly DashboardNotice[];
  /** All servers, in order. */
  readonly names: readonly string[];
  /** In a delta those that changed. */
  readonly cards: readonly DashboardCard[];
}

/** What is exported for the page comes without a parser: it has none in its bundle. */
export type {
  DashboardEvent,
  DashboardEvents,
  DashboardHistory,
  DashboardWatched,
  HistoryPoint,
  HistoryRange,
  HostMessage,
  PageWords,
  ServerHistory,
  WatchedPoint,
  WatchedValue,
} from './dashboardData.ts';

const server = z.string().check(z.minLength(1), z.maxLength(256));

const range = z.enum(historyRanges);

/** The page's number for what a person asked for; the host says `done` with it. */
const ask = z.optional(z.int().check(z.gte(0)));

const pageMessageSchema = z.discriminatedUnion('kind', [
  /** The page can be written to. */
  z.strictObject({ kind: z.literal('ready'), range: z.optional(range) }),
  /** How much time its graphs show. */
  z.strictObject({ kind: z.literal('range'), range }),
  z.strictObject({ kind: z.literal('forceRecovery'), server, ask }),
  z.strictObject({ kind: z.literal('showLog'), server, ask }),
  z.strictObject({ kind: z.literal('forceRecoveryAll'), ask }),
  z.strictObject({ kind: z.literal('act'), action: z.enum(cardActions), server, ask }),
  z.strictObject({ kind: z.literal('notice'), action: z.enum(noticeActions), ask }),
]);

/** What the page asks for. */
export type PageMessage = z.infer<typeof pageMessageSchema>;

/** What a person asked for. */
export type PageCommand = Exclude<PageMessage, { kind: 'ready' | 'range' }>;

/** Parses a message of the page; `undefined` when it is none. */
export function parsePageMessage(value: unknown): PageMessage | undefined {
  const parsed = pageMessageSchema.safeParse(value);
  return parsed.success ? parsed.data : undefined;
}
