/**
 * The API of MCP Lifeline for other extensions, version 1. Copy this file; docs/extension-api.md tells how it is used.
 *
 *     const extension = vscode.extensions.getExtension<McpLifelineApi>('mcp-lifeline.mcp-lifeline');
 *     const lifeline = await extension?.activate();
 *     if (lifeline?.version === 1) …
 */
import type { CancellationToken, Event } from 'vscode';

export interface McpLifelineApi {
  /** Members are only added to it; what would break somebody is another version. */
  readonly version: 1;
  /** Everything that is known now, within two seconds; never rejects. `engine` is `null` while there is none. */
  getConnectionStatus(): Promise<ConnectionStatus>;
  /** Something that people are shown has changed; at most about 20 times a second. Ask `getConnectionStatus` what is the case. */
  readonly onDidChangeStatus: Event<void>;
  /**
   * One server starts afresh, or, without a name, all that are not well. The person is asked before running calls are ended, and told the
   * result. Answers the result of each server; `undefined` when nothing was done. Rejects with a
   * `TypeError` when `server` is an empty text, or none.
   */
  forceRecovery(server?: string): Promise<readonly RecoveryOutcome[] | undefined>;
  /**
   * Calls a tool as any MCP client does: it waits while the server is down, is tried again when that is safe, and is never run twice otherwise.
   * A tool that is not known to be read-only asks the person first.
   *
   * Resolves with what the server answered, `isError` included. Rejects with an `Error` that has a `code` (`LifelineErrorCode`, or another text):
   * `outcomeUnknown` means that it may have been carried out.
   */
  requestWithRetry(
    server: string,
    tool: string,
    args?: Readonly<Record<string, unknown>>,
    options?: RequestOptions,
  ): Promise<ToolAnswer>;
}

export interface RequestOptions {
  /** Over waiting and all attempts; 60,000 when absent, 600,000 at most. A person who is asked does not count. */
  readonly timeoutMs?: number;
  readonly token?: CancellationToken;
}

export interface ToolAnswer {
  readonly content: readonly Readonly<Record<string, unknown>>[];
  readonly structuredContent?: Readonly<Record<string, unknown>>;
  /** The tool itself failed; its content says how. */
  readonly isError?: boolean;
}

export type LifelineErrorCode =
  | 'cancelled'
  | 'requestTimeout'
  /** The person, or the editor, said no. */
  | 'notAllowed'
  /** No such server, or tool; or the server is switched off. */
  | 'unknownServer'
  | 'unknownTool'
  /** It was handed to the server, and no answer came: it may have been carried out. */
  | 'outcomeUnknown'
  | 'engineUnavailable'
  /** The server answered with an error of the protocol. */
  | 'serverError';

export interface RecoveryOutcome {
  readonly server: string;
  /** `skipped`: left alone. */
  readonly outcome: 'recovered' | 'failed' | 'skipped';
  readonly message: string;
  readonly durationMs: number;
}

/** Described in full by `schemas/status.schema.json`; there may be more members than stand here. */
export interface ConnectionStatus {
  readonly version: 1;
  readonly engine: { readonly pid: number; readonly version: string; readonly startedAt: number } | null;
  readonly servers: readonly ServerStatus[];
}

export interface ServerStatus {
  readonly id: string;
  readonly state:
    | 'idle'
    | 'connecting'
    | 'initializing'
    | 'probing'
    | 'ready'
    | 'suspect'
    | 'broken'
    | 'recovering'
    | 'needsSignIn'
    | 'crashLoop'
    | 'isolated'
    | 'stopped';
  /** For people. */
  readonly sentence: string;
  /** Wall-clock milliseconds. */
  readonly since: number;
  readonly nextAttemptAt?: number | undefined;
  readonly breaker: {
    readonly state: 'closed' | 'open' | 'halfOpen' | 'isolated';
    readonly failures: number;
  };
  readonly lastError?: { readonly code: string; readonly message: string; readonly at: number } | undefined;
}
