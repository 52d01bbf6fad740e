import { Emitter, type Event } from '../../shared/base/emitter.ts';
import type { Clock } from '../../shared/base/clock.ts';
import { DisposableStore, type Disposable } from '../../shared/base/disposable.ts';
import { Fault } from '../../shared/model/fault.ts';
import type { Snapshot } from '../../shared/model/snapshot.ts';
import type {
  EngineConfiguration,
  LogEntry,
  LogLevel,
  RecoverParams,
  RecoverResult,
} from '../../shared/protocol/engineMessages.ts';
import type { EngineRequests, EngineSession, SessionListener } from './session.ts';
import { Supervisor, type EngineStatus } from './supervisor.ts';

export interface EngineClientOptions {
  readonly clock: Clock;
  /** One try to reach an engine; what it says goes to the listener. */
  readonly open: (listener: SessionListener, signal: AbortSignal) => Promise<EngineSession>;
  readonly onError: (message: string, error: unknown) => void;
  /** Gives values that the engine needs to start a server; without it there are none. */
  readonly onInputsNeeded?: SessionListener['onInputsNeeded'];
}

/** A recovery that was just asked for. */
export interface StartedRecovery {
  readonly params: RecoverParams;
  readonly done: Promise<RecoverResult>;
}

/**
 * This window's engine, as the rest of the extension sees it: a status, the latest snapshot, log lines, and
 * requests that are refused at once with `engineUnavailable` unless the engine is running.
 */
export class EngineClient implements EngineRequests, Disposable {
  readonly #supervisor: Supervisor<EngineSession>;
  readonly #onInputsNeeded: SessionListener['onInputsNeeded'];
  readonly #store = new DisposableStore();
  readonly #snapshots: Emitter<Snapshot | undefined>;
  readonly #logged: Emitter<readonly LogEntry[]>;
  readonly #recoveries: Emitter<StartedRecovery>;
  #snapshot: Snapshot | undefined;
  #logLevel: LogLevel = 'info';
  /** Counts connections; what an earlier one still says is dropped. */
  #launch = 0;

  constructor(options: EngineClientOptions) {
    const onListenerError = (error: unknown): void =>
      options.onError('A listener of the engine failed', error);
    this.#snapshots = this.#store.add(new Emitter<Snapshot | undefined>(onListenerError));
    this.#logged = this.#store.add(new Emitter<readonly LogEntry[]>(onListenerError));
    this.#recoveries = this.#store.add(new Emitter<StartedRecovery>(onListenerError));
    this.#onInputsNeeded = options.onInputsNeeded ?? (() => Promise.resolve({ values: [] }));
    this.#supervisor = this.#store.add(
      new Supervisor<EngineSession>({
        clock: options.clock,
        onError: options.onError,
        open: (signal) => options.open(this.#listener(), signal),
      }),
    );
    this.#store.add(
      this.#supervisor.onDidChangeStatus((status) => {
        // What a lost engine said is not what is true now: nobody may go on showing it as current.
        if (status.kind === 'running') {
          this.#supervisor.session?.wantLogLevel(this.#logLevel);
          this.#fetchSnapshot(options.onError);
          return;
        }
        this.#launch += 1;
        this.#apply(undefined);
      }),
    );
  }

  /** Latest snapshot of a running engine; `undefined` while there is none. */
  get snapshot(): Snapshot | undefined {
    return this.#snapshot;
  }

  get status(): EngineStatus {
    return this.#supervisor.status;
  }

  get onDidChangeStatus(): Event<EngineStatus> {
    return this.#supervisor.onDidChangeStatus;
  }

  get onDidChangeSnapshot(): Event<Snapshot | undefined> {
    return this.#snapshots.event;
  }

  get onDidLog(): Event<readonly LogEntry[]> {
    return this.#logged.event;
  }

  /** Whoever asked for it: every view may want to show it. */
  get onDidStartRecovery(): Event<StartedRecovery> {
    return this.#recoveries.event;
  }

  /** Starts keeping an engine; returns at once. */
  start(): void {
    this.#supervisor.start();
  }

  /** Tries again now instead of waiting for the next try; starts when stopped. */
  startNow(): void {
    this.#supervisor.start();
    this.#supervisor.retryNow();
  }

  /** Closes the connection; the engine stays. Never rejects. */
  stop(limitMs: number): Promise<void> {
    return this.#supervisor.stop(limitMs);
  }

  /** The least of the engine's log that is shown: of this one, and of those that follow it. */
  wantLogLevel(level: LogLevel): void {
    this.#logLevel = level;
    this.#supervisor.session?.wantLogLevel(level);
  }

  configure(configuration: EngineConfiguration): void {
    this.#supervisor.session?.configure(configuration);
  }

  tellInputsChanged(servers: readonly string[], forget = false): void {
    this.#supervisor.session?.tellInputsChanged(servers, forget);
  }

  getSnapshot(options: Parameters<EngineRequests['getSnapshot']>[0]) {
    return this.#running().then((session) => session.getSnapshot(options));
  }

  getHistory(...args: Parameters<EngineRequests['getHistory']>) {
    return this.#running().then((session) => session.getHistory(...args));
  }

  getEvents(...args: Parameters<EngineRequests['getEvents']>) {
    return this.#running().then((session) => session.getEvents(...args));
  }

  getWatched(...args: Parameters<EngineRequests['getWatched']>) {
    return this.#running().then((session) => session.getWatched(...args));
  }

  recover(...args: Parameters<EngineRequests['recover']>) {
    const done = this.#running().then((session) => session.recover(...args));
    this.#recoveries.fire({ params: args[0], done });
    return done;
  }

  actOnServer(...args: Parameters<EngineRequests['actOnServer']>) {
    return this.#running().then((session) => session.actOnServer(...args));
  }

  verifyAudit(options: Parameters<EngineRequests['verifyAudit']>[0]) {
    return this.#running().then((session) => session.verifyAudit(options));
  }

  dispose(): void {
    this.#store.dispose();
  }

  #listener(): SessionListener {
    this.#launch += 1;
    const launch = this.#launch;
    return {
      onSnapshot: (snapshot) => {
        if (launch === this.#launch) this.#apply(snapshot);
      },
      onLogged: (entries) => {
        if (launch === this.#launch) this.#logged.fire(entries);
      },
      onInputsNeeded: (needed) => this.#onInputsNeeded(needed),
    };
  }

  #running(): Promise<EngineSession> {
    const { session } = this.#supervisor;
    return session === undefined
      ? Promise.reject(new Fault('engineUnavailable', 'The engine is not running; it is being started.'))
      : Promise.resolve(session);
  }

  #apply(snapshot: Snapshot | undefined): void {
    if (snapshot === undefined && this.#snapshot === undefined) return;
    this.#snapshot = snapshot;
    this.#snapshots.fire(snapshot);
  }

  #fetchSnapshot(onError: EngineClientOptions['onError']): void {
    const { session } = this.#supervisor;
    // The engine may have had nothing to tell yet; its first snapshot is asked for.
    session?.getSnapshot({ timeoutMs: 5_000 }).then(
      (snapshot) => {
        if (this.#supervisor.session === session && this.#snapshot === undefined) this.#apply(snapshot);
      },
      (error: unknown) => onError('The first snapshot did not come', error),
    );
  }
}
