import * as z from 'zod/mini';
import { MAX_WHY, missReasons } from '../model/watched.ts';
import { watchLimits } from '../settings/watch.ts';
import { request } from './message.ts';

const text = (max: number) => z.string().check(z.maxLength(max));
const count = z.number().check(z.gte(0));

/** Entries of one value that are kept. */
export const MAX_WATCH_ENTRIES = 600;

const entry = z.union([
  z.object({
    kind: z.literal('value'),
    /** Wall-clock milliseconds: when it was due, and when its answer came. */
    due: z.number(),
    at: z.number(),
    value: z.number(),
  }),
  z.object({
    kind: z.literal('missed'),
    /** So many samples in a row, the first due at `from`, the last at `to`. */
    count,
    from: z.number(),
    to: z.number(),
    reason: z.enum(missReasons),
    /** The last one's, in words. */
    why: z.optional(text(MAX_WHY)),
  }),
]);
const watchedResult = z.object({
  /** The engine's wall clock when it answered. */
  now: z.number(),
  watches: z
    .array(
      z.object({
        name: text(watchLimits.name),
        everyMs: count,
        min: z.optional(z.number()),
        max: z.optional(z.number()),
        /** Oldest first, without a hole: each sample that was due since the first entry is in one of them. */
        entries: z.array(entry).check(z.maxLength(MAX_WATCH_ENTRIES)),
      }),
    )
    .check(z.maxLength(watchLimits.watches)),
});
export type WatchEntryShown = z.infer<typeof entry>;
export type WatchedHistory = z.infer<typeof watchedResult>;

/** Extension → engine: the recent samples of a server's watched values (requirements R11.7). */
export const getWatched = request(
  'lifeline/getWatched',
  (value) => z.object({ server: text(256) }).parse(value),
  (value) => watchedResult.parse(value),
);
