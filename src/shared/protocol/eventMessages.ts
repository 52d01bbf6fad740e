import * as z from 'zod/mini';
import { connectionStates } from '../model/connectionState.ts';
import { faultCodes } from '../model/fault.ts';
import { breakerStates } from '../model/snapshot.ts';
import { request } from './message.ts';

/** What happened at the servers of a window, as the engine remembers it: for the event log of the dashboard, and the breaker's timeline. */

const text = (max: number) => z.string().check(z.maxLength(max));
const count = z.number().check(z.gte(0));

/**
 * `state`: a connection moved. `retry`: a call was tried again. `fault`: a call failed. `breaker`: it opened, closed, or lets trials through.
 * `restart`: a connection that was down is usable again. `recovery`: what came of a force recovery, or a restart by hand. `action`: a person, or a program
 * in a person's name, asked for something. `configuration`: settings were taken over. `engine`: the engine itself.
 */
export const eventKinds = [
  'state',
  'retry',
  'fault',
  'breaker',
  'restart',
  'recovery',
  'action',
  'configuration',
  'engine',
] as const;
export type EventKind = (typeof eventKinds)[number];

export const MAX_EVENT_TEXT = 256;
/** Events of one answer. */
export const MAX_EVENTS = 2_000;
const MAX_SERVERS = 1_000;
const MAX_CURSOR = 64;

const eventSchema = z.object({
  /** Later ones have higher numbers, also those of later engines. The same event comes again, under its number, when it was repeated. */
  id: count,
  kind: z.enum(eventKinds),
  /** Absent for what is about all of them. */
  server: z.optional(text(MAX_EVENT_TEXT)),
  /** Wall-clock milliseconds; of a repeated one, of the first time. */
  at: z.number(),
  /** The same happened so often, for the last time at `lastAt`; once when absent. */
  count: z.optional(count),
  lastAt: z.optional(z.number()),
  /** `state`: how long it was in `from`. `restart`: how long it was down. `recovery`: how long that took. Milliseconds; of the last time. */
  ms: z.optional(count),
  /** All times together; only where it was repeated. */
  totalMs: z.optional(count),
  /** `state`. */
  from: z.optional(z.enum(connectionStates)),
  to: z.optional(z.enum(connectionStates)),
  /** Why: `state`, `restart` (what had brought it down), `retry`, `fault`. */
  fault: z.optional(z.enum(faultCodes)),
  /** `breaker`. */
  breaker: z.optional(z.enum(breakerStates)),
  /** `retry`, `fault`: the tool, or the method of what is no tool call. */
  call: z.optional(text(MAX_EVENT_TEXT)),
  /** `action`: what was asked for. */
  action: z.optional(text(MAX_EVENT_TEXT)),
  /** `action`: whether it was done. */
  done: z.optional(z.boolean()),
  /** `recovery`. */
  outcome: z.optional(z.enum(['recovered', 'failed', 'skipped'])),
  /** `configuration`: how many servers there are. */
  servers: z.optional(count),
  /** `engine`: `lost`: it found that the one before it had not stopped, but was killed, or the machine went down. */
  engine: z.optional(z.enum(['started', 'stopped', 'lost'])),
});
export type EngineEvent = z.infer<typeof eventSchema>;

/** `undefined` when it is none that is known here. */
export function parseEngineEvent(value: unknown): EngineEvent | undefined {
  const parsed = eventSchema.safeParse(value);
  return parsed.success ? parsed.data : undefined;
}

const eventsParams = z.object({
  /** All when absent. */
  servers: z.optional(z.array(text(MAX_EVENT_TEXT)).check(z.maxLength(MAX_SERVERS))),
  kinds: z.optional(z.array(z.enum(eventKinds)).check(z.maxLength(eventKinds.length))),
  /** `cursor` of the answer before, to the same question: only what is new, or was repeated, since then. */
  since: z.optional(text(MAX_CURSOR)),
  /** Without `since`: only those before this `id`, for paging back. */
  before: z.optional(count),
  /** 500 when absent. */
  limit: z.optional(z.int().check(z.gte(1), z.lte(MAX_EVENTS))),
});
export type EventsParams = z.infer<typeof eventsParams>;

const eventsResult = z.object({
  /** The engine's wall clock when it answered. */
  now: z.number(),
  /** In order of `id`; what a later version added and is not known here is left out. */
  events: z.pipe(
    z.array(z.unknown()).check(z.maxLength(MAX_EVENTS)),
    z.transform((values) => values.flatMap((value) => parseEngineEvent(value) ?? [])),
  ),
  /** For `since`. */
  cursor: text(MAX_CURSOR),
  /** It tells only what is new or was repeated; an event takes the place of the one with its `id`. */
  isDelta: z.optional(z.boolean()),
  /** There are more: with `since`, newer ones, behind the cursor of this answer; else older ones. */
  hasMore: z.optional(z.boolean()),
});
export type EventsAnswer = z.infer<typeof eventsResult>;

/** Extension → engine: what happened. Who wants to stay up to date asks again with `since` when the snapshot changed. */
export const getEvents = request(
  'lifeline/getEvents',
  (value) => eventsParams.parse(value),
  (value): EventsAnswer => eventsResult.parse(value),
);
