import * as z from 'zod/mini';
import { parseSnapshot } from '../model/snapshot.ts';
import { MAX_AUDIT_KEEP_DAYS } from '../settings/auditSettings.ts';
import { MAX_INPUT_VALUE } from '../settings/inputs.ts';
import { notification, request } from './message.ts';

/**
 * What extension and engine say to each other, beside LSP itself, over the language client's connection.
 */

const text = (max: number) => z.string().check(z.maxLength(max));

/** Where an entry came from: decides whether its annotations are believed by default. */
export const configOrigins = ['user', 'workspace', 'folder', 'file'] as const;
export type ConfigOrigin = (typeof configOrigins)[number];

/**
 * Extension → engine: everything the engine needs to know of the user's settings, unparsed. The engine parses
 * it (`shared/settings`), reports each problem with its place in the snapshot, and goes on with the rest.
 * Sent as `initializationOptions` and again on every change.
 */
const configurationSchema = z.object({
  /** Per server name: the narrowest scope's whole entry (never mixed across scopes), as read. */
  servers: z
    .array(
      z.object({
        name: text(256),
        entry: z.unknown(),
        origin: z.enum(configOrigins),
        /** The folder of a multi-root workspace that configures it: where it starts, in place of `workspaceFolder`. */
        folder: z.optional(text(4_096)),
      }),
    )
    .check(z.maxLength(1_000)),
  /** `mcpLifeline.connection.*` as set: user scope and workspace scope apart, because the environment stands between default and user. */
  connection: z.object({
    user: z.record(z.string(), z.unknown()),
    workspace: z.record(z.string(), z.unknown()),
    /** `global_settings.connection_handling` of a file (R2.1), unparsed; between user and environment. */
    file: z.optional(z.object({ place: text(8_192), values: z.record(z.string(), z.unknown()) })),
  }),
  /** `mcpLifeline.tellRestarts`; true when absent. */
  tellRestarts: z.optional(z.boolean()),
  /** `mcpLifeline.audit`; false when absent. */
  audit: z.optional(z.boolean()),
  /** `mcpLifeline.auditKeepDays`: how long a trail is kept that nobody goes on with; the default when absent. */
  auditKeepDays: z.optional(z.number().check(z.int(), z.minimum(0), z.maximum(MAX_AUDIT_KEEP_DAYS))),
  /** `mcpLifeline.alerts.*`, the effective values, unparsed; the defaults when absent. */
  alerts: z.optional(z.record(z.string(), z.unknown())),
  /** `mcpLifeline.telemetry.*`, or `lifeline.telemetry` of the file, unparsed; nothing is exported when absent. */
  telemetry: z.optional(z.unknown()),
  /** The folder that upstream processes start in by default; absent in a window without a folder. */
  workspaceFolder: z.optional(text(4_096)),
  /** The folders of a multi-root workspace, for `${workspaceFolder:name}`. */
  folders: z.optional(z.array(z.object({ name: text(1_024), path: text(4_096) })).check(z.maxLength(200))),
  /** Untrusted workspaces start nothing that the workspace configured (R1.6). */
  trusted: z.boolean(),
});
export type EngineConfiguration = z.infer<typeof configurationSchema>;

export function parseEngineConfiguration(value: unknown): EngineConfiguration {
  return configurationSchema.parse(value);
}

/** Extension → engine: the settings changed. */
export const configurationChanged = notification('lifeline/configurationChanged', parseEngineConfiguration);

/** Engine → extension: something changed; always a full snapshot, at most one every 50 ms. */
export const snapshotChanged = notification('lifeline/snapshotChanged', parseSnapshot);

/** Extension → engine: the snapshot now. */
export const getSnapshot = request(
  'lifeline/getSnapshot',
  (value) => z.object({}).parse(value),
  parseSnapshot,
);

const recoverParams = z.object({
  /** One server; all that are not healthy when absent. */
  server: z.optional(text(256)),
  /** `restart`: a fresh start even of a healthy server. `recover`: reset breaker and backoff, fresh start of what is broken. */
  mode: z.enum(['recover', 'restart']),
  /**
   * Without a name: whether servers that run calls are recovered, which ends those calls. True when absent: whoever has a person to ask has
   * asked before.
   */
  interruptCalls: z.optional(z.boolean()),
});
const recoverResult = z.object({
  results: z.array(
    z.object({
      server: text(256),
      /** `skipped`: healthy or idle, left alone. */
      outcome: z.enum(['recovered', 'failed', 'skipped']),
      message: text(4_000),
      durationMs: z.number(),
      /** It was left alone because of these calls (`interruptCalls`). */
      runningCalls: z.optional(z.number()),
    }),
  ),
});
export type RecoverParams = z.infer<typeof recoverParams>;
export type RecoverResult = z.infer<typeof recoverResult>;

/** Extension → engine: force recovery, or restart. Answers when each server has reached a verdict. */
export const recover = request(
  'lifeline/recover',
  (value) => recoverParams.parse(value),
  (value) => recoverResult.parse(value),
);

const serverAction = z.object({
  server: text(256),
  /**
   * `resetBreaker`: closed, nothing remembered. `isolate`: calls are refused until `rejoin`. `freePort`: ends the stale process of the same
   * server that holds its port (requirements R5.5), and starts it again. `acceptChange`: what is missing is not missed any more (R5.10).
   */
  action: z.enum(['resetBreaker', 'isolate', 'rejoin', 'freePort', 'acceptChange']),
});
const serverActionResult = z.object({ done: z.boolean(), message: text(4_000) });
export type ServerAction = z.infer<typeof serverAction>;
export type ServerActionResult = z.infer<typeof serverActionResult>;

/** Extension → engine: one action on one server. `message` tells a person what was done, or why not. */
export const actOnServer = request(
  'lifeline/actOnServer',
  (value) => serverAction.parse(value),
  (value) => serverActionResult.parse(value),
);

const neededInputs = z.object({
  server: text(256),
  /** Ids of the `${input:…}` that its entry names (requirements R1.4). */
  inputs: z.array(text(1_024)).check(z.maxLength(100)),
  /** `start`: nobody waits for it, so that nobody may be interrupted; `call`: a call waits; `byHand`: a person asked for the start. */
  why: z.enum(['start', 'call', 'byHand']),
});
const givenInputs = z.object({
  /** Of those that were asked for; those that nobody gave are missing. */
  values: z
    .array(z.object({ id: text(1_024), value: text(MAX_INPUT_VALUE), secret: z.boolean() }))
    .check(z.maxLength(100)),
  /** Somebody was asked, and gave none: not asked again for every call. */
  declined: z.optional(z.boolean()),
  /** Why values are missing, as a sentence. */
  message: z.optional(text(1_000)),
});
export type NeededInputs = z.infer<typeof neededInputs>;
export type GivenInputs = z.infer<typeof givenInputs>;

/** Engine → extension: the values of inputs, when a server that needs them is started. May take as long as a person takes. */
export const needInputs = request(
  'lifeline/needInputs',
  (value) => neededInputs.parse(value),
  (value) => givenInputs.parse(value),
);

/** Extension → engine: values of these servers' inputs were given, or were changed. */
export const inputsChanged = notification('lifeline/inputsChanged', (value) =>
  z
    .object({
      servers: z.array(text(256)).check(z.maxLength(1_000)),
      /** They were deleted: what runs goes on, and the next start asks. */
      forget: z.optional(z.boolean()),
    })
    .parse(value),
);

const auditVerdict = z.object({
  /** `absent`: there is no trail yet. */
  kind: z.enum(['whole', 'broken', 'absent']),
  /** Lines that are as they were written. */
  lines: z.number(),
  /** Where the first broken line is and what is wrong with it; else empty. */
  message: text(8_192),
  /** The folder of the trail. */
  folder: text(8_192),
});
export type AuditVerdict = z.infer<typeof auditVerdict>;

/** Extension → engine: verify the window's audit trail (requirements R11.5). */
export const verifyAudit = request(
  'lifeline/verifyAudit',
  (value) => z.object({}).parse(value),
  (value) => auditVerdict.parse(value),
);

export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Whether a line of this level is shown where `least` is wanted. */
export function isAtLeast(level: LogLevel, least: LogLevel): boolean {
  return logLevels.indexOf(level) >= logLevels.indexOf(least);
}

/** Extension → engine: the least of the log that is shown in one of its channels; `info` until it is told. */
export const logLevelWanted = notification('lifeline/logLevelWanted', (value) =>
  z.object({ level: z.enum(logLevels) }).parse(value),
);
const logEntry = z.object({
  /** The server it is about; absent for the engine itself. */
  server: z.optional(text(256)),
  level: z.enum(logLevels),
  message: text(16_384),
  /** Wall-clock milliseconds. */
  at: z.number(),
});
export type LogEntry = z.infer<typeof logEntry>;

/** Engine → extension: log lines, in order, batched. A new client first gets what the engine still remembers. */
export const logged = notification('lifeline/logged', (value) =>
  z.object({ entries: z.array(logEntry).check(z.maxLength(5_000)) }).parse(value),
);
