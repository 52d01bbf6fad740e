import { PassThrough } from 'node:stream';
import type * as vscode from 'vscode';
import {
  CancellationTokenSource,
  CloseAction,
  ErrorAction,
  LanguageClient,
  RevealOutputChannelOn,
  type InitializeParams,
  type StreamInfo,
} from 'vscode-languageclient/node';
import type { EngineConnection } from '../../endpoint/connect.ts';
import { sleep, type Clock } from '../../shared/base/clock.ts';
import { Fault } from '../../shared/model/fault.ts';
import type { NotificationType, RequestType } from '../../shared/protocol/message.ts';
import {
  configurationChanged,
  actOnServer,
  verifyAudit,
  getSnapshot,
  inputsChanged,
  logged,
  logLevelWanted,
  needInputs,
  recover,
  snapshotChanged,
  type EngineConfiguration,
  type LogLevel,
} from '../../shared/protocol/engineMessages.ts';
import { getEvents, type EventsParams } from '../../shared/protocol/eventMessages.ts';
import { getHistory, type HistoryParams } from '../../shared/protocol/historyMessages.ts';
import { getWatched } from '../../shared/protocol/watchedMessages.ts';
import { settingsPrefix } from '../../shared/contributions.ts';
import { LanguageSide, languageDocuments, type LanguageSideOptions } from '../language/languageSide.ts';
import type { EngineSession, RequestOptions, SessionListener } from './session.ts';

export interface LanguageClientSessionOptions {
  readonly connection: EngineConnection;
  readonly clock: Clock;
  readonly log: vscode.LogOutputChannel;
  readonly configuration: () => EngineConfiguration;
  readonly listener: SessionListener;
  readonly language: LanguageSideOptions;
  /** The engine has to answer `initialize` within this time. */
  readonly initializeTimeoutMs: number;
}

/**
 * The library's client, for one connection. It is never restarted: the supervisor opens another one. Three of
 * its habits are turned off: it shows popups of its own, it gives up at the fifth crash, and it tells the engine
 * to end together with this extension host.
 */
class EngineLanguageClient extends LanguageClient {
  /** A lost engine is the supervisor's to tell; the library says it up to three times, and in popups. */
  override error(message: string, data?: unknown): void {
    super.warn(message, data, false);
  }

  override warn(message: string, data?: unknown): void {
    super.warn(message, data, false);
  }

  override info(message: string, data?: unknown): void {
    super.info(message, data, false);
  }

  protected override fillInitializeParams(params: InitializeParams): void {
    super.fillInitializeParams(params);
    // With a process id the engine would end with this extension host; it has to survive a window reload.
    params.processId = null;
  }
}

/** Initializes the engine behind a connection. Rejects, with the socket destroyed, when that does not succeed. */
export async function openLanguageClientSession(
  options: LanguageClientSessionOptions,
  signal: AbortSignal,
): Promise<EngineSession> {
  try {
    const session = new LanguageClientSession(options);
    await session.initialize(signal);
    return session;
  } catch (error) {
    options.connection.socket.destroy();
    throw error;
  }
}

class LanguageClientSession implements EngineSession {
  readonly pid: number;
  readonly engineVersion: string;
  readonly closed: Promise<void>;
  readonly #options: LanguageClientSessionOptions;
  readonly #client: EngineLanguageClient;
  #isClosed = false;

  constructor(options: LanguageClientSessionOptions) {
    this.#options = options;
    this.pid = options.connection.welcome.pid;
    this.engineVersion = options.connection.welcome.engineVersion;
    const { socket } = options.connection;
    // A socket that reports an error without a listener would end the extension host; `close` always follows.
    socket.on('error', (error) => options.log.debug(`Connection to the engine: ${error.message}`));
    this.closed = new Promise((resolve) => {
      if (socket.destroyed) resolve();
      else socket.once('close', () => resolve());
    });
    const language = new LanguageSide(options.language, () => this.#client);
    void this.closed.then(() => {
      this.#isClosed = true;
      language.dispose();
      // Answers at once when the client noticed the loss itself; only releases its features otherwise.
      this.#client.dispose(0).catch(() => undefined);
    });
    this.#client = new EngineLanguageClient(
      settingsPrefix,
      'MCP Lifeline',
      () => Promise.resolve(streamsOf(options.connection)),
      {
        documentSelector: languageDocuments,
        middleware: language.middleware,
        diagnosticCollectionName: settingsPrefix,
        outputChannel: options.log,
        revealOutputChannelOn: RevealOutputChannelOn.Never,
        initializationOptions: () => options.configuration(),
        // Without a handler the library shows the reason in a popup of its own.
        initializationFailedHandler: () => false,
        errorHandler: {
          error: () => ({ action: ErrorAction.Continue, handled: true }),
          closed: () => ({
            action: CloseAction.DoNotRestart,
            handled: true,
            message: 'The connection to the engine is closed',
          }),
        },
      },
    );
    this.#listen(snapshotChanged, (snapshot) => options.listener.onSnapshot(snapshot));
    this.#listen(logged, ({ entries }) => options.listener.onLogged(entries));
    this.#client.onRequest(needInputs.method, (value: unknown) =>
      options.listener.onInputsNeeded(needInputs.parseParams(value)),
    );
  }

  async initialize(signal: AbortSignal): Promise<void> {
    const { clock, initializeTimeoutMs } = this.#options;
    const limit = new AbortController();
    const tooLate = sleep(clock, initializeTimeoutMs, AbortSignal.any([signal, limit.signal])).then(() => {
      throw new Error(`the engine did not answer initialize within ${initializeTimeoutMs / 1000} s`);
    });
    const lost = this.closed.then(() => {
      throw new Error('the engine closed the connection before it was initialized');
    });
    // Whoever loses the race still rejects later, with nobody listening.
    for (const loser of [tooLate, lost]) loser.catch(() => undefined);
    try {
      await Promise.race([this.#client.start(), tooLate, lost]);
    } finally {
      limit.abort();
    }
  }

  configure(configuration: EngineConfiguration): void {
    if (this.#isClosed) return;
    this.#client.sendNotification(configurationChanged.method, configuration).catch((error: unknown) => {
      this.#options.log.debug(`The engine was not told of the new settings: ${String(error)}`);
    });
  }

  tellInputsChanged(servers: readonly string[], forget: boolean): void {
    if (this.#isClosed) return;
    this.#client
      .sendNotification(inputsChanged.method, { servers, forget })
      .catch((error: unknown) =>
        this.#options.log.debug(`The engine was not told of input values: ${String(error)}`),
      );
  }

  wantLogLevel(level: LogLevel): void {
    if (this.#isClosed) return;
    this.#client
      .sendNotification(logLevelWanted.method, { level })
      .catch((error: unknown) =>
        this.#options.log.debug(`The engine was not told of the log level: ${String(error)}`),
      );
  }

  getSnapshot(options: RequestOptions) {
    return this.#request(getSnapshot, {}, options);
  }

  verifyAudit(options: RequestOptions) {
    return this.#request(verifyAudit, {}, options);
  }

  getHistory(params: HistoryParams, options: RequestOptions) {
    return this.#request(getHistory, params, options);
  }

  getEvents(params: EventsParams, options: RequestOptions) {
    return this.#request(getEvents, params, options);
  }

  getWatched(params: { readonly server: string }, options: RequestOptions) {
    return this.#request(getWatched, params, options);
  }

  recover(params: Parameters<EngineSession['recover']>[0], options: RequestOptions) {
    return this.#request(recover, params, options);
  }

  actOnServer(params: Parameters<EngineSession['actOnServer']>[0], options: RequestOptions) {
    return this.#request(actOnServer, params, options);
  }

  async stop(limitMs: number): Promise<void> {
    try {
      // Rejects while starting, and when the engine does not answer in time: then closing says it all.
      await this.#client.stop(limitMs);
    } catch (error) {
      this.#options.log.debug(`The engine was left without goodbye: ${String(error)}`);
    } finally {
      this.destroy();
    }
  }

  destroy(): void {
    this.#options.connection.socket.destroy();
  }

  #listen<P>(type: NotificationType<P>, handler: (params: P) => void): void {
    this.#client.onNotification(type.method, (value: unknown) => {
      let params: P;
      try {
        params = type.parse(value);
      } catch (error) {
        this.#options.log.error(`The engine sent a bad ${type.method}: ${String(error)}`);
        return;
      }
      handler(params);
    });
  }

  async #request<P, R>(type: RequestType<P, R>, params: P, options: RequestOptions): Promise<R> {
    if (this.#isClosed) throw unavailable();
    const cancel = new CancellationTokenSource();
    const waits = new AbortController();
    const giveUp = (reason: Fault): never => {
      cancel.cancel();
      throw reason;
    };
    const stop = options.signal;
    const tooLate = sleep(this.#options.clock, options.timeoutMs, anyOf(waits.signal, stop)).then(
      () => giveUp(unavailable(`The engine did not answer within ${options.timeoutMs / 1000} s.`)),
      () =>
        stop?.aborted === true
          ? giveUp(new Fault('cancelled', 'Cancelled.'))
          : new Promise<never>(() => undefined), // the answer came first
    );
    const lost = this.closed.then(() => giveUp(unavailable()));
    for (const loser of [tooLate, lost]) loser.catch(() => undefined);
    try {
      const answer: unknown = await Promise.race([
        this.#client.sendRequest<unknown>(type.method, params, cancel.token),
        tooLate,
        lost,
      ]);
      return type.parseResult(answer);
    } catch (error) {
      if (Fault.is(error)) throw error;
      throw unavailable(`The engine could not answer: ${messageOf(error)}`, error);
    } finally {
      waits.abort();
      cancel.dispose();
    }
  }
}

function streamsOf(connection: EngineConnection): StreamInfo {
  const { socket } = connection;
  // The socket comes paused, and the library's reader does not wake a paused stream; the pipe does, and keeps
  // what arrives before the reader listens.
  const reader = new PassThrough();
  socket.once('close', () => reader.destroy());
  socket.pipe(reader);
  return { reader, writer: socket, detached: true };
}

function anyOf(first: AbortSignal, second: AbortSignal | undefined): AbortSignal {
  return second === undefined ? first : AbortSignal.any([first, second]);
}

function unavailable(message = 'The engine is not running; it is being restarted.', cause?: unknown): Fault {
  return new Fault('engineUnavailable', message, { cause });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
