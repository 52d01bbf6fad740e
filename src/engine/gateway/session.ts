import type { Clock } from '../../shared/base/clock.ts';
import type { Random } from '../../shared/base/random.ts';
import { Fault } from '../../shared/model/fault.ts';
import { errorAnswer, listMembers, resultAnswer } from '../../shared/protocol/answers.ts';
import {
  canonicalId,
  memberRange,
  scanFrame,
  stringMember,
  textOf,
  type Frame,
  withId,
} from '../../shared/protocol/frameScanner.ts';
import type { ResumeRecord } from '../../endpoint/handshake.ts';
import type { EmptyAnswers } from '../catalogue/emptyAnswers.ts';
import { catalogueKey } from '../catalogue/catalogue.ts';
import type { HealthCheck } from '../../shared/settings/healthCheck.ts';
import type { CheckResult } from '../health/ownCheck.ts';
import type { HealthMonitor } from '../health/healthMonitor.ts';
import type { AttachedSession, HandedOver, ServerRuntime } from '../servers/serverRuntime.ts';
import type { Observations } from '../observability/observations.ts';
import type { ClientHeaders, Tracing } from '../pipeline/callTrace.ts';
import type { WatchedValues } from '../observability/watched/watchedValues.ts';
import type { Journal } from '../state/journal.ts';
import type { Connection, ConnectionClient } from '../upstream/connection.ts';
import type { Failover } from '../upstream/http/failover.ts';
import type { Launch } from '../upstream/launch.ts';
import type { ServerLink, SharingClient } from '../upstream/serverLink.ts';
import type { StartGate } from '../upstream/startGate.ts';
import type { Transport, TransportListener } from '../upstream/transport.ts';
import type { PortCare } from '../recovery/portCare.ts';
import type { RecoveryQueue } from '../recovery/recoveryQueue.ts';
import { CallTable } from './callTable.ts';
import type { CallTableDeps } from './callTableDeps.ts';
import { CatalogueKeeper } from './catalogueKeeper.ts';
import type { ClientPort } from './clientPort.ts';
import { InitializePromise, withPromisedVersion } from './initializePromise.ts';
import { ListFollower } from './listFollower.ts';
import type { InputDesk } from '../servers/inputDesk.ts';
import { createConnection, isOut, startTimeoutMs } from './sessionConnection.ts';
import { SharedUpstream } from './shared/sharedUpstream.ts';

export interface SessionDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly journal: Journal;
  readonly recovery: RecoveryQueue;
  readonly health: HealthMonitor;
  readonly startGate: StartGate;
  /** Opens the way to a server: starts its process, or connects. */
  readonly open: (runtime: ServerRuntime, listener: TransportListener) => Transport;
  /** Runs the command of a server's own health check where the server itself would run. */
  readonly runCheck: (
    runtime: ServerRuntime,
    check: Extract<HealthCheck, { kind: 'command' }>,
  ) => Promise<CheckResult>;
  readonly ports: PortCare;
  /** What people have to give before a server can be started. */
  readonly inputs?: InputDesk;
  /** The server's endpoints, where it has several. */
  readonly failover: (runtime: ServerRuntime) => Failover | undefined;
  readonly nextNumber: () => number;
  /** Differs between engines; stands in the ids of requests to clients. */
  readonly launchPrefix: string;
  readonly log: CallTableDeps['log'];
  /** Logs what a server itself has said. */
  readonly quote: (level: 'info' | 'warn', message: string, server: string) => void;
  /** Is told of what happens. */
  readonly observations?: Observations;
  readonly tracing?: Tracing;
  /** Takes its samples over the connections there are. */
  readonly watched?: Pick<WatchedValues, 'attach'>;
  /** Takes secrets out of what is told of a server (requirements R14.4). */
  readonly redact: (text: string) => string;
  readonly onListenerError: (error: unknown) => void;
}

export interface SessionOptions {
  readonly id: string;
  readonly runtime: ServerRuntime;
  readonly port: ClientPort;
  readonly resume: ResumeRecord | undefined;
  /** False: a call presented again may have been written by an earlier engine without a trace. */
  readonly journalReliable: boolean;
}

type Request = Extract<Frame, { kind: 'request' }>;
type Notification = Extract<Frame, { kind: 'notification' }>;

/** A server's messages before the client said `initialized` are held back, up to this many. */
const MAX_HELD = 1_000;
/** A list that a catalogue can answer is waited for this long (design §1: VS Code holds every result back meanwhile). */
const LIST_PATIENCE_MS = 1_000;
/** A client that reads this much too slowly makes its server wait. */
const PRESSURE_BYTES = 8_388_608;

/**
 * One client's session with one server: routes messages both ways, and answers what must be answered while the server
 * is not there.
 */
export class Session implements AttachedSession, ConnectionClient, SharingClient {
  readonly id: string;
  readonly isClient = true;
  readonly #deps: SessionDeps;
  readonly #runtime: ServerRuntime;
  readonly #port: ClientPort;
  readonly #journalReliable: boolean;
  readonly #calls: CallTable;
  readonly #catalogue: CatalogueKeeper;
  readonly #lists: ListFollower;
  readonly #promise: InitializePromise;
  /** A connection of its own, or a share in one. */
  #link: ServerLink | undefined;
  #connection: Connection | undefined;
  /** Parameters of the client's `initialize`, JSON text. */
  #initialize: string | undefined;
  #knownKey:
    { readonly configuration: string; readonly initialize: string; readonly key: string } | undefined;
  #clientInitialized: boolean;
  #logLevel: string | undefined;
  readonly #subscriptions = new Set<string>();
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #isSlowingDown = false;
  #ended = false;

  constructor(deps: SessionDeps, options: SessionOptions) {
    const { runtime, resume } = options;
    this.#deps = deps;
    this.id = options.id;
    this.#runtime = runtime;
    this.#port = options.port;
    this.#journalReliable = options.journalReliable;
    this.#initialize = resume?.initialize;
    this.#clientInitialized = resume?.initialized ?? false;
    this.#logLevel = resume?.logLevel;
    for (const uri of resume?.subscriptions ?? []) this.#subscriptions.add(uri);
    this.#promise = new InitializePromise(deps.clock, resume?.promised);
    this.#catalogue = new CatalogueKeeper(
      deps.clock,
      runtime,
      () => this.#catalogueKey,
      (text) => deps.log('warn', text, runtime.name),
      {
        onToolsKnown: (launch) => this.onToolsKnown(launch),
        onRelisted: (stability) =>
          deps.observations?.note({ kind: 'relisted', server: runtime.name, ...stability }),
      },
    );
    this.#lists = new ListFollower({
      clock: deps.clock,
      catalogue: this.#catalogue,
      tell: (line) => this.onClientMessage(line),
      onTrouble: (message) => deps.log('warn', message, runtime.name),
    });
    this.#calls = new CallTable({
      ...deps,
      session: this.id,
      runtime,
      connection: () => this.#ensureConnection(),
      catalogueKey: () => this.#catalogueKey,
      hasRunTools: resume !== undefined && deps.journal.hasRunTools(this.id),
      answer: (id, message, flushed) => this.#port.answer(id, message, flushed),
    });
    runtime.attach(this);
    // A client that waits for a resource's changes waits without sending anything.
    if (this.#subscriptions.size > 0) this.#ensureConnection()?.open();
  }

  get connection(): Connection | undefined {
    return this.#connection;
  }

  get isBehind(): boolean {
    return this.#port.waitingBytes > PRESSURE_BYTES;
  }

  get emptyAnswers(): EmptyAnswers {
    return this.#calls.emptyAnswers;
  }

  get promiseBroken(): boolean {
    return this.#promise.isBroken;
  }

  /** Asked for with every call, and made of hashes: made again only when what it is made of has changed. */
  get #catalogueKey(): string {
    const { configurationDigest } = this.#runtime;
    const initialize = this.#runtime.shared?.initialize ?? this.#initialize ?? '{}';
    const known = this.#knownKey;
    if (known?.configuration === configurationDigest && known.initialize === initialize) return known.key;
    const key = catalogueKey(configurationDigest, initialize);
    this.#knownKey = { configuration: configurationDigest, initialize, key };
    return key;
  }

  /** The way to the server, made when it is first needed; absent while the server has no usable configuration. */
  #ensureConnection(): ServerLink | undefined {
    if (this.#link !== undefined || this.#ended) return this.#link;
    const runtime = this.#runtime;
    if (runtime.config?.lifeline.enabled !== true || this.#initialize === undefined) return undefined;
    const link = runtime.processes > 0 ? this.#share(this.#initialize) : this.#connect(this.#initialize);
    link.onDidChange((state) => {
      if (isOut(state)) this.#promise.giveUp();
    });
    if (isOut(link.state)) this.#promise.giveUp();
    return link;
  }

  #share(initialize: string): ServerLink {
    // What this client has been promised before: it must not become another version because another client came first.
    const start = withPromisedVersion(initialize, this.#promise.promised);
    const shared = this.#runtime.shared ?? new SharedUpstream(this.#deps, this.#runtime, start);
    this.#link = shared.join(this, initialize);
    this.#updateHello();
    return this.#link;
  }

  /** A connection of its own. */
  #connect(initialize: string): ServerLink {
    const runtime = this.#runtime;
    const kept = this.#takeStandby(initialize);
    const connection =
      kept?.connection ??
      createConnection(this.#deps, runtime, { key: this.id, client: this, after: runtime.stopping });
    this.#link = connection;
    this.#connection = connection;
    this.#updateHello();
    if (kept?.initialized !== undefined) {
      this.onInitialized(kept.initialized.result, kept.initialized.line);
      const launch = connection.usableLaunch;
      if (launch !== undefined) this.onReady(launch);
    }
    return connection;
  }

  /** What runs already for the first client. If it is not what this one needs, its server must be gone before another is started. */
  #takeStandby(initialize: string): HandedOver | undefined {
    const { standby } = this.#runtime;
    if (standby === undefined) return undefined;
    const isFresh = this.#logLevel === undefined && this.#subscriptions.size === 0;
    const kept = isFresh ? standby.handOver(initialize, this) : undefined;
    if (kept === undefined) this.#runtime.noteStopping(standby.end());
    return kept;
  }

  /** The bridge asks whether this engine still runs. */
  signOfLife(): void {
    this.#port.control('!pong');
  }

  /** From now on a call may be written to the server without a trace: the bridge must know, for the next engine. */
  tellJournalUnreliable(): void {
    this.#port.control('!journal unreliable');
  }

  /** How the server is started has changed, or it is gone from the settings, or back. */
  onConfigurationChanged(): void {
    const { config, processes } = this.#runtime;
    const link = this.#link;
    if (link === undefined) return;
    const isShared = link !== this.#connection;
    if (config?.lifeline.enabled === true && isShared === processes > 0) {
      this.#connection?.forceRestart('settings'); // what is shared sees to itself
      return;
    }
    this.#link = undefined;
    this.#connection = undefined;
    // A later connection waits for this: two processes of one server would fight over ports and locks.
    this.#runtime.noteStopping(link.stop());
    if (isShared) void this.#runtime.shared?.end();
    // The others of this server hear of the change first: what they have must be on its way out before another one starts.
    if (config?.lifeline.enabled === true) queueMicrotask(() => this.#ensureConnection()?.open());
  }

  /** A message of the client. `again`: an earlier engine of this session had it before. `headers`: of the HTTP request that brought it. */
  onLine(line: Uint8Array, again: boolean, headers?: ClientHeaders): void {
    const frame = scanFrame(line);
    switch (frame.kind) {
      case 'request':
        this.#onRequest(line, frame, again, headers);
        return;
      case 'notification':
        this.#onNotification(line, frame);
        return;
      case 'response':
        // No launch's request: it belonged to a process that is gone, and the answer must not survive it.
        if (this.#link?.answer(line, frame) !== true) {
          this.#deps.log('debug', 'a late answer of the client was dropped', this.#runtime.name);
        }
        return;
      case 'batch':
      case 'invalid':
        this.#port.answer(
          'null',
          errorAnswer(
            'null',
            { text: 'Parse error', code: 'protocolGarbage', server: this.#runtime.name },
            -32_700,
          ),
        );
    }
  }

  #onRequest(line: Uint8Array, frame: Request, again: boolean, headers: ClientHeaders | undefined): void {
    if (frame.method === 'initialize') {
      void this.#onInitialize(line, frame);
      return;
    }
    const usable = this.#link?.usableLaunch !== undefined;
    // The session is alive even when the server is not.
    if (frame.method === 'ping' && !usable) {
      this.#port.answer(frame.id, resultAnswer(frame.id, '{}'));
      return;
    }
    if (this.#ensureConnection() === undefined) {
      this.#refuseWithoutConnection(line, frame, again);
      return;
    }
    this.#noteSessionState(line, frame);
    if (this.#isStillWanted(line, frame)) {
      this.#port.answer(frame.id, resultAnswer(frame.id, '{}'));
      return;
    }
    const call = this.#calls.create(line, frame, headers);
    if (call === undefined) return; // answered: too much is waiting
    if (again && this.#calls.interrupted(call, this.#journalReliable)) return;
    const member = listMembers.get(frame.method);
    if (member === undefined) void this.#calls.run(call);
    else this.#runList(call, frame, line, member);
  }

  /** Answers at once when there is no server to ask: the client never said hello, or the settings have no such server. */
  #refuseWithoutConnection(line: Uint8Array, frame: Request, again: boolean): void {
    // An engine before this one may have handed it over: "not carried out" would invite a second time (requirements R2.4).
    if (again) {
      const call = this.#calls.create(line, frame);
      if (call !== undefined && !this.#calls.interrupted(call, this.#journalReliable))
        void this.#calls.run(call);
      return;
    }
    const { name } = this.#runtime;
    const text =
      this.#initialize === undefined
        ? 'The session has not been initialized.'
        : `The MCP server "${name}" is not in the settings of this window, or is disabled there; the call was not carried out.`;
    this.#calls.refuse(line, frame, new Fault('stopped', text, { server: name }));
  }

  #noteSessionState(line: Uint8Array, frame: Request): void {
    if (frame.params === undefined) return;
    if (frame.method === 'logging/setLevel') this.#logLevel = stringMember(line, frame.params, 'level');
    else if (frame.method === 'resources/subscribe' || frame.method === 'resources/unsubscribe') {
      const uri = stringMember(line, frame.params, 'uri');
      if (uri === undefined) return;
      if (frame.method === 'resources/subscribe') this.#subscriptions.add(uri);
      else this.#subscriptions.delete(uri);
    } else return;
    this.#updateHello();
  }

  /** A subscription that is given up, and that others who share the server have too: the server must not hear of it. */
  #isStillWanted(line: Uint8Array, { method, params }: Request): boolean {
    if (method !== 'resources/unsubscribe' || params === undefined) return false;
    const uri = stringMember(line, params, 'uri');
    return uri !== undefined && this.#link?.isWantedByOthers?.(uri) === true;
  }

  #updateHello(): void {
    if (this.#initialize === undefined) return;
    const { resources, logLevel } = { resources: [...this.#subscriptions], logLevel: this.#logLevel };
    this.#link?.setHello({ initialize: this.#initialize, logLevel, subscriptions: resources });
  }

  async #onInitialize(line: Uint8Array, frame: Request): Promise<void> {
    this.#initialize = frame.params === undefined ? '{}' : textOf(line, frame.params);
    this.#runtime.lastInitialize = this.#initialize;
    const { name } = this.#runtime;
    const connection = this.#ensureConnection();
    this.#updateHello();
    connection?.open();
    const catalogue = this.#runtime.catalogue(this.#catalogueKey);
    const answer = await this.#promise.take({
      server: name,
      remembered: catalogue?.initialize,
      params: this.#initialize,
      startTimeoutMs: connection === undefined ? 0 : startTimeoutMs(this.#runtime.config),
      reason: () =>
        connection === undefined
          ? `The MCP server "${name}" is not in the settings of this window, or is disabled there.`
          : connection.state === 'isolated'
            ? `The MCP server "${name}" is isolated by hand. Rejoin it to use it again.`
            : `The MCP server "${name}" could not be started yet. ${connection.diagnosis}`,
    });
    // The server's own answer goes out as it came, but for the id.
    const own = answer.line === undefined ? undefined : scanFrame(answer.line);
    if (answer.line === undefined || own?.kind !== 'response')
      this.#port.answer(frame.id, resultAnswer(frame.id, answer.result));
    else this.#port.answer(frame.id, withId(answer.line, own.idRange, textOf(line, frame.idRange)));
  }

  #onNotification(line: Uint8Array, frame: Notification): void {
    if (frame.method === 'notifications/initialized') {
      // The server has been told by us already; what it said meanwhile goes out now.
      this.#clientInitialized = true;
      const held = this.#held;
      this.#held = [];
      for (const message of held) this.#port.send(message);
      return;
    }
    if (frame.method === 'notifications/cancelled' && frame.params !== undefined) {
      const range = memberRange(line, frame.params, 'requestId');
      if (range !== undefined) this.#calls.cancel(canonicalId(textOf(line, range)), line);
      return;
    }
    this.#link?.notify(line);
  }

  /** A list is answered from the catalogue when the server does not answer in time, or cannot. */
  #runList(
    call: ReturnType<CallTable['create']> & object,
    frame: Request,
    line: Uint8Array,
    member: string,
  ): void {
    const firstPage = frame.params === undefined || memberRange(line, frame.params, 'cursor') === undefined;
    const remembered = firstPage ? this.#runtime.catalogue(this.#catalogueKey)?.lists[member] : undefined;
    // Before anything was ever listed, an empty list is what there is; the change is announced when the server comes.
    const items = remembered ?? (firstPage && isOut(this.#link?.state) ? [] : undefined);
    if (items === undefined) void this.#calls.run(call);
    else void this.#calls.runOr(call, LIST_PATIENCE_MS, () => JSON.stringify({ [member]: items }));
  }

  // --- what the connection tells ---

  onInitialized(result: string, line: Uint8Array): void {
    this.#promise.fulfil(result, line);
    this.#catalogue.noteInitialize(result);
  }

  onReady(launch: Launch): void {
    this.#runtime.breaker.noteEvidenceOfRecovery();
    void this.#lists.onReady(launch);
  }

  onClientMessage(line: Uint8Array, about?: string): void {
    if (this.#clientInitialized) {
      this.#port.send(line, about);
      if (this.#port.waitingBytes > PRESSURE_BYTES) this.#slowServerDown();
    } else if (this.#held.length < MAX_HELD && this.#heldBytes < PRESSURE_BYTES) {
      this.#held.push(line);
      this.#heldBytes += line.length;
    }
  }

  #slowServerDown(): void {
    // Also one that is not ready: it may flood instead of answering.
    const launch = this.#link?.currentLaunch;
    if (launch === undefined || this.#isSlowingDown) return;
    this.#isSlowingDown = true;
    launch.pauseReading();
    this.#port.onceDrained(() => {
      this.#isSlowingDown = false;
      launch.resumeReading();
    });
  }

  onListChanged(list: string, line: Uint8Array, launch: Launch): void {
    this.#lists.onListChanged(list, line, launch);
  }

  onServerRequests(open: number): void {
    this.#calls.noteClientRequests(open);
  }

  onToolsKnown(launch: Launch): void {
    this.#calls.noteToolsKnown(launch);
  }

  onProgress(token: string, progress: number): boolean {
    return this.#calls.noteProgress(token, progress);
  }

  /**
   * Ends the session: everything under way is cancelled, its server is told and stopped. `forGood`: the client is gone; otherwise
   * the engine stops and the client will go on with the next one.
   */
  async end(forGood: boolean): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    const why = forGood ? 'The client has left.' : 'The engine is stopping.';
    this.#calls.cancelAll(new Fault('cancelled', why, { server: this.#runtime.name }), forGood);
    this.#promise.giveUp();
    this.#lists.end();
    await this.#link?.stop(forGood);
    this.#runtime.detach(this);
  }
}
