import * as z from 'zod/mini';
import { watchLimits } from '../settings/watch.ts';

const count = z.number().check(z.gte(0));
const text = (max: number) => z.string().check(z.maxLength(max));

/**
 * Why a sample is missing. `idle`: nobody used the server. `away`: it was down, or on its way up. `off`: it was isolated by hand or disabled. `paused`: the machine slept, its
 * clock was set, or the engine stood still. `slow`: the sample before was still under way. `timeout`: no answer in the tool's time. `failed`: the tool failed. `noValue`: its
 * answer has no number at the path. `notAllowed`: the tool is not declared read-only. `heldBack`: calls were held back by the breaker, the rate limit, or for want of a place.
 */
export const missReasons = [
  'idle',
  'away',
  'off',
  'paused',
  'slow',
  'timeout',
  'failed',
  'noValue',
  'notAllowed',
  'heldBack',
] as const;
export type MissReason = (typeof missReasons)[number];

/** How a value is: the last sample against its thresholds; `missed`: the last one that was due is missing; `waiting`: none has been due yet. */
export const watchStates = ['ok', 'below', 'above', 'missed', 'waiting'] as const;
export type WatchState = (typeof watchStates)[number];

/** Of the words that tell why. */
export const MAX_WHY = 300;

const watchedSchema = z.object({
  name: text(watchLimits.name),
  state: z.enum(watchStates),
  /** The last sample, and its wall-clock milliseconds; absent while there was none. */
  value: z.optional(z.number()),
  at: z.optional(z.number()),
  min: z.optional(z.number()),
  max: z.optional(z.number()),
  everyMs: count,
  /** While it is `missed`: why, and since when (wall-clock milliseconds of the first missing one in a row). */
  missed: z.optional(
    z.object({ reason: z.enum(missReasons), since: z.number(), why: z.optional(text(MAX_WHY)) }),
  ),
  /** Samples since it is watched: taken, and missing. Each that was due is one or the other. */
  taken: count,
  missing: count,
});
/** The watched values of one server (requirements R11.7). */
export const watchedListSchema = z.array(watchedSchema).check(z.maxLength(watchLimits.watches));
export type WatchedSnapshot = z.infer<typeof watchedSchema>;
