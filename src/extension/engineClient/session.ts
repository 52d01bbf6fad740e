import type { Snapshot } from '../../shared/model/snapshot.ts';
import type {
  AuditVerdict,
  EngineConfiguration,
  GivenInputs,
  LogEntry,
  LogLevel,
  NeededInputs,
  RecoverParams,
  RecoverResult,
  ServerAction,
  ServerActionResult,
} from '../../shared/protocol/engineMessages.ts';
import type { EventsAnswer, EventsParams } from '../../shared/protocol/eventMessages.ts';
import type { History, HistoryParams } from '../../shared/protocol/historyMessages.ts';
import type { WatchedHistory } from '../../shared/protocol/watchedMessages.ts';

/** How long a request may take, and how it is given up earlier. */
export interface RequestOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** What can be asked of an engine. Every rejection is a `Fault`; a lost engine is `engineUnavailable`. */
export interface EngineRequests {
  getSnapshot(options: RequestOptions): Promise<Snapshot>;
  /** An engine of an earlier version, still alive after an update, may not know it: then this rejects too. */
  getHistory(params: HistoryParams, options: RequestOptions): Promise<History>;
  getEvents(params: EventsParams, options: RequestOptions): Promise<EventsAnswer>;
  getWatched(params: { readonly server: string }, options: RequestOptions): Promise<WatchedHistory>;
  recover(params: RecoverParams, options: RequestOptions): Promise<RecoverResult>;
  actOnServer(params: ServerAction, options: RequestOptions): Promise<ServerActionResult>;
  verifyAudit(options: RequestOptions): Promise<AuditVerdict>;
}

/** One connection to one engine, initialized. It is used once: after `closed` another one is opened. */
export interface EngineSession extends EngineRequests {
  readonly pid: number;
  readonly engineVersion: string;
  /** Settles, and never rejects, as soon as the connection is gone, by whatever means. */
  readonly closed: Promise<void>;
  /** Tells the engine that the settings changed. Never throws; a lost engine gets them again at its next start. */
  configure(configuration: EngineConfiguration): void;
  /** Tells it that values of these servers' inputs were given or changed; `forget`: deleted. Never throws. */
  tellInputsChanged(servers: readonly string[], forget: boolean): void;
  /** Tells it the least of its log that is shown. Never throws. */
  wantLogLevel(level: LogLevel): void;
  /** Says goodbye and closes the connection, within `limitMs`. The engine itself stays. */
  stop(limitMs: number): Promise<void>;
}

/** What an engine says on its own. */
export interface SessionListener {
  onSnapshot(snapshot: Snapshot): void;
  onLogged(entries: readonly LogEntry[]): void;
  /** It needs values to start a server. */
  onInputsNeeded(needed: NeededInputs): Promise<GivenInputs>;
}
