import * as z from 'zod/mini';
import { connectionStates } from './connectionState.ts';
import { continuitySchema } from './continuity.ts';
import { faultCodes } from './fault.ts';
import { watchedListSchema } from './watched.ts';
import { MAX_PROBLEM_MESSAGE, MAX_PROBLEM_PATH, MAX_PROBLEMS } from './settingsProblem.ts';

/**
 * What is known about every server at one moment (requirements R11.2). The engine is its only producer;
 * status bar, tree, commands and the extension API all show this and nothing else.
 */

const text = (max: number) => z.string().check(z.maxLength(max));
const count = z.number().check(z.gte(0));

export const breakerStates = ['closed', 'open', 'halfOpen', 'isolated'] as const;
export type BreakerStateName = (typeof breakerStates)[number];

/** Milliseconds over so many calls that the server answered, from when they came until their answer went out. */
const latencyFigures = {
  p50Ms: count,
  p95Ms: count,
  p99Ms: count,
  samples: count,
};

const latencySchema = z.object({
  /** Of the last five minutes (`windowMs`); where nothing was answered in them, of the last minute in which something was. */
  ...latencyFigures,
  maxMs: z.optional(count),
  meanMs: z.optional(count),
  /** Of the last call that was answered, and when that was, wall-clock milliseconds. */
  lastMs: count,
  lastAt: z.optional(z.number()),
  windowMs: z.optional(count),
  /** The same of all calls since the engine began to know the server. */
  lifetime: z.optional(z.object({ ...latencyFigures, maxMs: count, meanMs: count })),
});

/** Since the engine began to know the server. At any moment `total = successful + failed + cancelled + open` (docs/status.md says what each counts). */
const metricsSchema = z.object({
  total: count,
  successful: count,
  failed: count,
  cancelled: z.optional(count),
  /** Not ended yet: at the server, or waiting. `open = inFlight + queueDepth`. */
  open: z.optional(count),
  brokenPipe: count,
  timeouts: count,
  breakerOpens: count,
  retries: count,
  /** From the end of a failed attempt until the next one was handed to a server; over the `count` retries that came so far. */
  retryDelay: z.optional(z.object({ count, averageMs: count, longestMs: count, lastMs: count })),
  restarts: count,
  outcomeUnknown: count,
  stale: z.optional(count),
  remembered: z.optional(count),
  /** Times that a connection was lost or could not be made. */
  failedConnections: z.optional(count),
  /** Outages: from losing the last usable connection, or a failed first start, until one is usable. */
  recovery: z.optional(
    z.object({
      outages: count,
      attempts: count,
      successes: count,
      abandoned: count,
      /** Of those that succeeded. */
      averageMs: z.optional(count),
      longestMs: z.optional(count),
      lastMs: z.optional(count),
      /** Wall-clock milliseconds when the one under way began. */
      since: z.optional(z.number()),
      /** While a connection is lost and not back: launches that failed since. With the first, it is more than a short pause. */
      failures: z.optional(count),
    }),
  ),
  /** Usable part of the time that it was wanted, 0 to 1; absent while it was never wanted. */
  uptime: z.optional(z.object({ ratio: z.optional(count.check(z.lte(1))), usableMs: count, downMs: count })),
  /** At a server now. */
  inFlight: count,
  /** Waiting for a connection now. */
  waiting: count,
  /** Waiting for whatever it is now: a connection, a place, a token, or the end of the pause before a retry. */
  queueDepth: z.optional(count),
  /** Answered from the cache, and tokens that compression has saved; absent while neither is in use. */
  cacheHits: z.optional(count),
  tokensSaved: z.optional(count),
});

const lastErrorSchema = z.object({
  code: z.enum(faultCodes),
  /** A sentence for people: what happened, and what they can do. */
  message: text(4_000),
  /** Wall-clock milliseconds. */
  at: z.number(),
});

/** What made a server fail again and again (requirements R5.5). */
export const crashCauses = [
  'portInUse',
  'commandMissing',
  'dependencyMissing',
  'badCredentials',
  'badConfiguration',
  'outOfMemory',
  'startTimeout',
  'crash',
  'unknown',
] as const;
export type CrashCause = (typeof crashCauses)[number];

const diagnosisSchema = z.object({
  cause: z.enum(crashCauses),
  /** What happened, as a sentence. */
  sentence: text(4_000),
  /** What a person can do, as a sentence. */
  advice: text(1_000),
  /** `portInUse`: the port, and who listens on it where that could be found out. */
  port: z.optional(count),
  holder: z.optional(
    z.object({
      pid: count,
      program: text(256),
      /** A stale process of this same server: the only one that "Free the Port" ends. */
      isStale: z.boolean(),
    }),
  ),
});
export type Diagnosis = z.infer<typeof diagnosisSchema>;

export const degradations = [
  'fewerTools',
  'fewerPrompts',
  'fewerResources',
  'emptyAnswers',
  'failedCheck',
] as const;
export type Degradation = (typeof degradations)[number];

const degradedSchema = z.object({
  reason: z.enum(degradations),
  /** What is less than it was, as a sentence. */
  sentence: text(4_000),
  /** Names of what is missing, at most 50. */
  missing: z.array(text(256)).check(z.maxLength(50)),
});
export type Degraded = z.infer<typeof degradedSchema>;

const serverSnapshotSchema = z.object({
  id: text(256),
  /** The worst state among the server's connections; `idle` when there is none. */
  state: z.enum(connectionStates),
  /** A sentence for people that explains the state. */
  sentence: text(4_000),
  /** Wall-clock milliseconds when the state was entered. */
  since: z.number(),
  /** Wall-clock milliseconds of the next attempt; only while `recovering` or `crashLoop`. */
  nextAttemptAt: z.optional(z.number()),
  breaker: z.object({
    state: z.enum(breakerStates),
    failures: count,
    /** Wall-clock milliseconds when trial calls are let through; only while open. */
    retryAt: z.optional(z.number()),
  }),
  latency: z.optional(latencySchema),
  lastError: z.optional(lastErrorSchema),
  /** The last call failed; `lastError` tells why. Absent when it was answered, or there was none. */
  lastCallFailed: z.optional(z.boolean()),
  /** Client sessions (bridges) attached now. */
  sessions: count,
  /** Process ids of the server's processes now. */
  pids: z.array(count).check(z.maxLength(64)),
  /** `available` of at most `max` places for calls; `limit`: what load allows now; `queued`: calls that wait for a place. */
  pool: z.object({ available: count, max: count, limit: z.optional(count), queued: z.optional(count) }),
  /**
   * While its rate is limited (requirements R10): requests/s now and at most, how many wait for their turn, how many were turned away because they
   * could not have begun in time; `heldUntil`: wall-clock milliseconds when the server wants to be asked again.
   */
  rate: z.optional(
    z.object({
      current: count,
      max: count,
      queued: count,
      rejected: count,
      heldUntil: z.optional(z.number()),
    }),
  ),
  /** Wall-clock milliseconds since when a call has been under way without a word of the server; set from 15 s on. Busy is not hung. */
  busySince: z.optional(z.number()),
  /** φ of its silence (Hayashibara et al. 2004), 0 to 100; only while it is watched. */
  suspicion: z.optional(count),
  /** It answers, but offers less than it did. */
  degraded: z.optional(degradedSchema),
  /** Why it keeps failing; while it is down. */
  diagnosis: z.optional(diagnosisSchema),
  /** Ids of the inputs whose values it waits for; it is `needsSignIn`, or the editor is being asked. */
  needsInput: z.optional(z.array(text(256)).check(z.maxLength(100))),
  /** The address in use, where its entry lists several. */
  endpoint: z.optional(text(2_048)),
  metrics: metricsSchema,
  catalogue: z.optional(
    z.object({ tools: count, digest: text(128), savedAt: z.number(), serverTitle: z.optional(text(256)) }),
  ),
  /** Continuity (requirements R11.6). */
  continuity: z.optional(continuitySchema),
  /** The numbers it is asked for now and then (requirements R11.7). */
  watched: z.optional(watchedListSchema),
  /** What a client was promised while the server was down turned out different: its session should be restarted. */
  promiseBroken: z.boolean(),
});

const problemSchema = z.object({
  /** Where, as a settings path such as `mcpLifeline.servers.git.command`. */
  path: text(MAX_PROBLEM_PATH),
  message: text(MAX_PROBLEM_MESSAGE),
});

/** Alerts of a snapshot. */
export const MAX_ALERTS = 200;

/** Something that a person should know now (requirements R11.3). */
const alertSchema = z.object({
  /** A rule of `alertSettings.ts`; text, because a newer engine may have more of them. */
  rule: text(64),
  /** Absent: it is about the engine. */
  server: z.optional(text(256)),
  /** Which one, where a server may have several of a rule: the name of a watched value. */
  subject: z.optional(text(256)),
  severity: z.enum(['warning', 'error']),
  /** What is the case, without the server's name. */
  sentence: text(4_000),
  /** Wall-clock milliseconds when it was raised; of one that comes and goes, when that began. */
  since: z.number(),
  /** How often it was raised since then. */
  count,
  /** It was raised and resolved several times within minutes, and stays until it has been calm for some. */
  isFlapping: z.boolean(),
  /** What was measured, in which time where it was counted, and from where on it is told. */
  value: z.optional(z.number()),
  threshold: z.optional(z.number()),
  windowMs: z.optional(count),
});
export type AlertSnapshot = z.infer<typeof alertSchema>;

export const snapshotSchema = z.object({
  version: z.literal(1),
  engine: z.object({
    pid: count,
    version: text(64),
    startedAt: z.number(),
    journalReliable: z.boolean(),
    /** The audit trail. `lost`: records since the engine's start; `degraded`: why nothing can be written now. */
    audit: z.optional(z.object({ enabled: z.boolean(), lost: count, degraded: z.optional(text(1_000)) })),
    /** Continuity of all servers together (requirements R11.6). */
    continuity: z.optional(continuitySchema),
  }),
  servers: z.array(serverSnapshotSchema).check(z.maxLength(1_000)),
  /** Settings that were not usable, each with its place. */
  problems: z.array(problemSchema).check(z.maxLength(MAX_PROBLEMS)),
  /** Alerts that fire, the worst first; none that is the consequence of another. */
  alerts: z.optional(z.array(alertSchema).check(z.maxLength(MAX_ALERTS))),
});

export type LatencySnapshot = z.infer<typeof latencySchema>;
export type LastError = z.infer<typeof lastErrorSchema>;
export type ServerSnapshot = z.infer<typeof serverSnapshotSchema>;
export type SettingsProblem = z.infer<typeof problemSchema>;
export type Snapshot = z.infer<typeof snapshotSchema>;

/** Parses a snapshot that came over a process border; throws a `ZodError` that names the place. */
export function parseSnapshot(value: unknown): Snapshot {
  return snapshotSchema.parse(value);
}
