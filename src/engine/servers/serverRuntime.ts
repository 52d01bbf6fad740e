import type { Clock } from '../../shared/base/clock.ts';
import type { Disposable } from '../../shared/base/disposable.ts';
import { Emitter } from '../../shared/base/emitter.ts';
import { isUsable, worseState, type ConnectionState } from '../../shared/model/connectionState.ts';
import type { Fault } from '../../shared/model/fault.ts';
import type { BreakerStateName, Degraded, Diagnosis, ServerSnapshot } from '../../shared/model/snapshot.ts';
import type { Redactor } from '../../shared/redaction/redactor.ts';
import type { ConnectionSettings } from '../../shared/settings/connectionSettings.ts';
import { sharedProcesses, withoutQuery, type ServerConfig } from '../../shared/settings/serverConfig.ts';
import type { ServerInputs } from '../../shared/settings/serverTemplate.ts';
import { catalogueDigest, toolHints, type Catalogue, type CatalogueStore } from '../catalogue/catalogue.ts';
import { describeEmpty, type EmptyAnswers } from '../catalogue/emptyAnswers.ts';
import { describeMissing } from '../catalogue/shrinkage.ts';
import { digestOf } from './configurationDigest.ts';
import { awaitsInputSentence, needsInputOf } from './inputDesk.ts';
import { redactSnapshot } from '../observability/redactSnapshot.ts';
import { CallCounters } from '../observability/metrics/callCounters.ts';
import { LatencyRecorder } from '../observability/metrics/latencyRecorder.ts';
import { latencySnapshot, metricsSnapshot } from '../observability/metrics/metricsSnapshot.ts';
import { Outages } from '../observability/metrics/outages.ts';
import { Breaker, type BreakerOptions } from '../policies/breaker/breaker.ts';
import { Places } from '../policies/pool/places.ts';
import { RateLimiter } from '../policies/rateLimit/rateLimiter.ts';
import { RetryBudget } from '../policies/retryBudget/retryBudget.ts';
import { ForcedStart } from '../recovery/forcedStart.ts';
import type { ServerRecovery } from '../recovery/serverRecovery.ts';
import { StaleAnswers } from '../pipeline/staleAnswers.ts';
import type { Call } from '../pipeline/call.ts';
import type { ToolHints } from '../pipeline/retryClass.ts';
import { withSiblingAdvice } from '../recovery/diagnosis/siblingClash.ts';
import type { Connection, ConnectionClient } from '../upstream/connection.ts';
import type { SharedServer } from '../upstream/serverLink.ts';

/** What a session shows of itself to its server. */
export interface AttachedSession {
  /** Somebody uses it; not only we. */
  readonly isClient: boolean;
  readonly connection: Connection | undefined;
  /** What its client was promised is not what the server turned out to be. */
  readonly promiseBroken: boolean;
  /** What its client reads and is answered with nothing since a restart (requirements R5.10). */
  readonly emptyAnswers?: EmptyAnswers;
  onConfigurationChanged(): void;
}

/** A connection that was kept for its first client. */
export interface HandedOver {
  readonly connection: Connection;
  /** What the server answered to `initialize`. */
  readonly initialized: { readonly result: string; readonly line: Uint8Array } | undefined;
}

/** A server that runs before anybody uses it. */
export interface StandbySession extends AttachedSession {
  /** The server's lists have been fetched and stored. */
  readonly hasLists: boolean;
  /** Gives the connection to a client that says `initialize` (JSON text); `undefined` when it is not what that client needs. */
  handOver(initialize: string, client: ConnectionClient): HandedOver | undefined;
  /** Ends it, and its server; resolves when that is gone. */
  end(): Promise<void>;
}

export interface RuntimeConfiguration {
  /** Absent: the entry cannot be used, or was removed. */
  readonly config: ServerConfig | undefined;
  readonly settings: ConnectionSettings;
  /** What a person has to give before it can be started; absent: nothing. */
  readonly inputs?: ServerInputs;
}

/** States that need no explanation, or have one of their own. */
const notDown: ReadonlySet<ConnectionState> = new Set(['idle', 'ready', 'suspect', 'isolated', 'stopped']);

/** Of an error in a sentence about the state. */
const MAX_REASON = 1_000;

/** Remembered hints belong to the catalogue they were read from. */
const hintsOfCatalogue = new WeakMap<Catalogue, ReadonlyMap<string, ToolHints>>();

/** Everything the engine knows of one configured server, whatever number of sessions uses it. */
export class ServerRuntime {
  readonly name: string;
  /** What its connections know together of its failures. */
  readonly recovery: ServerRecovery;
  /** Of the calls that the server answered; `latency.follow()` for who counts intervals. */
  readonly latency: LatencyRecorder;
  /** By connection: why the health check of the entry failed. */
  readonly failedChecks = new Map<string, string>();
  /** For the calls of all sessions. */
  readonly places: Places;
  readonly retryBudget = new RetryBudget();
  /** For the requests of all sessions; off until it is needed. */
  readonly limiter: RateLimiter;
  readonly counters = new CallCounters();
  readonly outages: Outages;
  /** What reads are answered with while it is down; absent unless its entry asks for that (requirements R6.2). */
  staleAnswers: StaleAnswers | undefined;
  /** What runs for the first client to come. */
  standby: StandbySession | undefined;
  /** What all sessions share, where the entry says so and somebody uses it. */
  shared: SharedServer | undefined;
  /** What the last client said in `initialize` (JSON text): the next one will probably say the same. */
  lastInitialize: string | undefined;
  #stopping: Promise<unknown> | undefined;
  readonly #clock: Clock;
  readonly #store: CatalogueStore;
  readonly #redactor: Redactor | undefined;
  readonly #sessions = new Set<AttachedSession>();
  readonly #changed: Emitter<undefined>;
  #configuration: RuntimeConfiguration;
  #configurationDigest: string;
  readonly #breaker: Breaker;
  readonly #forcedStart: ForcedStart;
  #isolation: Disposable | undefined;
  #lastError: { readonly fault: Fault; readonly at: number } | undefined;
  #callFault: Fault | undefined;
  #since: number;
  #shownState: ConnectionState = 'idle';

  constructor(
    name: string,
    configuration: RuntimeConfiguration,
    deps: {
      readonly clock: Clock;
      readonly store: CatalogueStore;
      readonly onListenerError: (error: unknown) => void;
      readonly redactor?: Redactor;
      readonly onBreaker?: (server: string, state: BreakerStateName) => void;
      readonly recovery: (server: string) => ServerRecovery;
      readonly cpuRatio?: () => number | undefined;
    },
  ) {
    this.name = name;
    this.recovery = deps.recovery(name);
    this.#clock = deps.clock;
    this.latency = new LatencyRecorder(() => deps.clock.now());
    this.outages = new Outages(() => deps.clock.now());
    this.#store = deps.store;
    this.#redactor = deps.redactor;
    this.#changed = new Emitter(deps.onListenerError);
    this.#configuration = configuration;
    this.#configurationDigest = digestOf(configuration);
    this.#breaker = new Breaker(deps.clock, breakerOptions(configuration.settings), deps.onListenerError);
    const { maxConnections } = configuration.settings;
    this.places = new Places(
      maxConnections,
      () => deps.clock.now(),
      () => this.touch(),
    );
    this.limiter = new RateLimiter({
      clock: deps.clock,
      cpuRatio: deps.cpuRatio ?? (() => undefined),
      hasRoom: () => this.places.hasRoom,
      onChange: () => this.#onLimiterChanged(),
    });
    this.limiter.configure(configuration.config?.lifeline.maxRate);
    this.#forcedStart = new ForcedStart({
      clock: deps.clock,
      afterMs: () => this.settings.forceRecoveryAfter * 1_000,
      act: () => this.#startAfresh(),
    });
    this.#breaker.onDidChange((state) => {
      deps.onBreaker?.(name, state);
      // A server that nobody uses gets no fresh start.
      if (this.#sessions.size > 0) this.#forcedStart.note(state);
      this.touch();
    });
    this.#since = deps.clock.wallNow();
  }

  /** Fired when the snapshot may have changed. */
  get onDidChange(): Emitter<undefined>['event'] {
    return this.#changed.event;
  }

  get config(): ServerConfig | undefined {
    return this.#configuration.config;
  }

  get settings(): ConnectionSettings {
    return this.#configuration.settings;
  }

  /** What a person gives when it is started; absent: nothing. */
  get inputs(): ServerInputs | undefined {
    return this.#configuration.inputs;
  }

  /** Processes (or connections) that all sessions share, at most; 0: each session has its own. */
  get processes(): number {
    return sharedProcesses(this.config);
  }

  /** The end of what ran under other settings, or for sessions that have left: nothing is started before it. */
  get stopping(): Promise<unknown> | undefined {
    return this.#stopping;
  }

  noteStopping(end: Promise<unknown>): void {
    const all = Promise.allSettled([this.#stopping, end]).then(() => {
      if (this.#stopping === all) this.#stopping = undefined;
    });
    this.#stopping = all;
  }

  get breaker(): Breaker {
    return this.#breaker;
  }

  get sessions(): ReadonlySet<AttachedSession> {
    return this.#sessions;
  }

  /** What decides how the process is started; part of the catalogue's key. Hashed, because it may hold secrets. */
  get configurationDigest(): string {
    return this.#configurationDigest;
  }

  /** Takes a new configuration over; running processes are restarted only when how they are started differs. */
  configure(next: RuntimeConfiguration): void {
    const previousDigest = this.#configurationDigest;
    const previousProcesses = this.processes;
    this.#configuration = next;
    this.#configurationDigest = digestOf(next);
    this.#breaker.configure(breakerOptions(next.settings));
    this.places.setMax(next.settings.maxConnections);
    this.limiter.configure(next.config?.lifeline.maxRate);
    if (next.config?.lifeline.staleAnswers !== true) this.staleAnswers = undefined;
    else this.staleAnswers ??= new StaleAnswers();
    if (previousDigest !== this.#configurationDigest) {
      // What failed was another program, or another address; nothing of it is held against this one, also when nobody uses it now.
      this.recovery.reset();
      this.forgetFailures();
      this.#store.acceptMissing(this.name);
      this.staleAnswers?.clear();
      for (const { emptyAnswers } of this.#sessions) emptyAnswers?.forget();
    }
    if (previousDigest !== this.#configurationDigest || previousProcesses !== this.processes) {
      for (const session of [...this.#sessions]) session.onConfigurationChanged();
    }
    this.touch();
  }

  /** Other values were given for its inputs: as good as other settings, but its catalogue stays (decision 68). */
  inputsChanged(): void {
    this.recovery.reset();
    this.forgetFailures();
    this.staleAnswers?.clear();
    for (const { emptyAnswers } of this.#sessions) emptyAnswers?.forget();
    for (const connection of new Set(this.#connections))
      if (connection.state !== 'idle') connection.forceRestart('settings');
    this.touch();
  }

  /** What was missing is there. */
  inputsGiven(): void {
    for (const connection of new Set(this.#connections)) connection.inputGiven();
  }

  /** A fresh start was asked for: the breaker is closed unless it is isolated, and retries are allowed again. */
  forgetFailures(): void {
    this.#breaker.reset();
    this.retryBudget.reset();
    this.limiter.reset();
  }

  #onLimiterChanged(): void {
    // Told of each place that becomes free only while somebody may wait for it.
    this.places.onRoom = this.limiter.isActive ? () => this.limiter.roomMade() : undefined;
    this.touch();
  }

  /** Taken out of use by hand; outlives changes of the settings. */
  get isIsolated(): boolean {
    return this.#isolation !== undefined;
  }

  /** Refuses calls, and starts, probes and tries nothing, until `rejoin`. False when it is isolated already. */
  isolate(): boolean {
    if (this.#isolation !== undefined) return false;
    this.#isolation = this.#breaker.isolate();
    for (const connection of this.#connections) connection.isolate();
    this.touch();
    return true;
  }

  /** Back in use, with its breaker closed. False when it was not isolated. */
  rejoin(): boolean {
    if (this.#isolation === undefined) return false;
    this.#isolation.dispose();
    this.#isolation = undefined;
    this.retryBudget.reset();
    for (const connection of this.#connections) connection.rejoin();
    this.touch();
    return true;
  }

  attach(session: AttachedSession): void {
    this.#sessions.add(session);
    this.#forcedStart.note(this.#breaker.state);
    this.touch();
  }

  /** Its breaker has not closed for long. False while a call is under way. */
  #startAfresh(): boolean {
    const connections = this.#connections;
    if (connections.some(({ inFlight }) => inFlight > 0)) return false;
    for (const connection of connections) connection.forceRestart();
    return true;
  }

  detach(session: AttachedSession): void {
    if (!this.#sessions.delete(session)) return;
    if (this.#sessions.size === 0) this.#forcedStart.dispose();
    this.touch();
  }

  /** Something changed that the snapshot shows. */
  touch(): void {
    const state = this.state;
    if (state !== this.#shownState) {
      this.#shownState = state;
      this.#since = this.#clock.wallNow();
    }
    this.#changed.fire(undefined);
  }

  noteError(fault: Fault): void {
    this.#lastError = { fault, at: this.#clock.wallNow() };
    this.touch();
  }

  noteFailedCall(fault: Fault): void {
    this.#callFault = fault;
    this.noteError(fault);
  }

  /** Why the last call failed; absent when it was answered. */
  get callFault(): Fault | undefined {
    return this.#callFault;
  }

  noteAnsweredCall(tookMs: number, { tool, method, attempts, waitedMs, startedAt }: Call): void {
    const { limiter } = this;
    if (!limiter.isActive && attempts === 1 && waitedMs === 0)
      limiter.noteUnlimited(tool ?? method, tookMs, this.places.occupied + 1);
    this.#callFault = undefined;
    this.counters.ended({ kind: 'answered' });
    this.latency.record(tookMs, startedAt + tookMs);
    // Its state is as it was: no need to look at all connections with every answer.
    this.#changed.fire(undefined);
  }

  catalogue(key: string): Catalogue | undefined {
    return this.#store.find(this.name, key);
  }

  /** Something is known of what it lists. */
  get hasCatalogue(): boolean {
    return this.#store.last(this.name) !== undefined;
  }

  saveCatalogue(catalogue: Catalogue): void {
    this.#store.save(catalogue);
    this.touch();
  }

  get #emptiedNames(): string[] {
    return [...this.#sessions].flatMap(({ emptyAnswers }) => emptyAnswers?.names ?? []);
  }

  /** What it offers now counts as complete (requirements R5.10). Answers whether anything was missed. */
  acceptChange(): boolean {
    const hadEmptyAnswers = this.#emptiedNames.length > 0;
    for (const { emptyAnswers } of this.#sessions) emptyAnswers?.forget();
    const accepted = this.#store.acceptMissing(this.name);
    this.touch();
    return accepted || hadEmptyAnswers;
  }

  /** The hints of a tool in the catalogue under `key`. */
  hints(key: string, tool: string): ToolHints | undefined {
    const catalogue = this.catalogue(key);
    if (catalogue === undefined) return undefined;
    let hints = hintsOfCatalogue.get(catalogue);
    if (hints === undefined) {
      hints = toolHints(catalogue.lists['tools'] ?? []);
      hintsOfCatalogue.set(catalogue, hints);
    }
    return hints.get(tool);
  }

  get #connections(): Connection[] {
    return [...this.#sessions].flatMap((session) =>
      session.connection === undefined ? [] : [session.connection],
    );
  }

  get state(): ConnectionState {
    if (this.config?.lifeline.enabled !== true) return 'stopped';
    if (this.isIsolated) return 'isolated';
    // A connection that is being stopped belongs to a client that has left.
    const states = this.#connections.map(({ state }) => (state === 'stopped' ? 'idle' : state));
    return states.reduce(worseState, 'idle');
  }

  /** Without secrets, whatever the server has said. */
  get snapshot(): ServerSnapshot {
    const snapshot = this.#snapshot;
    return this.#redactor === undefined ? snapshot : redactSnapshot(snapshot, this.#redactor);
  }

  get #snapshot(): ServerSnapshot {
    const connections = this.#connections;
    const { state } = this;
    const sum = (of: (connection: Connection) => number): number =>
      connections.reduce((all, one) => all + of(one), 0);
    const inFlight = sum((connection) => connection.inFlight);
    const { max, limit, occupied, queued } = this.places;
    const nextInMs = Math.min(...connections.map((connection) => connection.nextAttemptInMs ?? Infinity));
    const { retryAfterMs } = this.#breaker;
    const now = this.#clock.wallNow();
    const catalogue = this.#store.last(this.name);
    const lastError = this.#lastError;
    const degraded =
      degradedOf(catalogue) ?? failedCheckOf(this.failedChecks) ?? describeEmpty(this.#emptiedNames);
    const diagnosis = this.#diagnosis(state, connections);
    return {
      id: this.name,
      state,
      sentence: this.#sentence(state, connections),
      since: this.#since,
      ...(Number.isFinite(nextInMs) ? { nextAttemptAt: now + nextInMs } : {}),
      breaker: {
        state: this.#breaker.state,
        failures: this.#breaker.failures,
        ...(retryAfterMs === undefined ? {} : { retryAt: now + retryAfterMs }),
      },
      ...latencySnapshot(this.latency, this.#clock),
      ...(lastError === undefined
        ? {}
        : {
            lastError: {
              code: lastError.fault.code,
              message: lastError.fault.message.slice(0, 4_000),
              at: lastError.at,
            },
          }),
      sessions: [...this.#sessions].filter((session) => session.isClient).length,
      pids: connections
        .flatMap((connection) => (connection.pid === undefined ? [] : [connection.pid]))
        .slice(0, 64),
      pool: { available: Math.max(0, limit - occupied), max, limit, queued },
      ...this.#rateSnapshot(now),
      ...healthOf(connections),
      ...needsInputOf(this.inputs, connections),
      ...this.#endpointSnapshot(connections),
      metrics: metricsSnapshot(this, this.#clock, {
        breakerOpens: this.#breaker.opens,
        inFlight,
        waiting: sum((connection) => connection.waiting),
      }),
      ...(catalogue === undefined ? {} : { catalogue: this.#catalogueSnapshot(catalogue) }),
      ...(diagnosis === undefined ? {} : { diagnosis }),
      ...(this.#callFault === undefined ? {} : { lastCallFailed: true }),
      ...(degraded === undefined ? {} : { degraded }),
      promiseBroken: [...this.#sessions].some((session) => session.promiseBroken),
    };
  }

  /** Why it is down (requirements R5.5). */
  #diagnosis(state: ConnectionState, connections: readonly Connection[]): Diagnosis | undefined {
    if (notDown.has(state)) return undefined;
    const down = connections.find((connection) => connection.state === state);
    if (down?.crash === undefined) return undefined;
    const hasLiveSibling = connections.some(({ state: other, pid }) => pid !== undefined && isUsable(other));
    return withSiblingAdvice(down.crash, hasLiveSibling);
  }

  /** The address in use, where there are several: that of a connection that is ready, if there is one. */
  #endpointSnapshot(connections: readonly Connection[]): Pick<ServerSnapshot, 'endpoint'> {
    if (this.config === undefined || this.config.lifeline.endpoints.length === 0) return {};
    const used = connections.filter(({ endpoint }) => endpoint !== undefined);
    const endpoint = (used.find(({ state }) => state === 'ready') ?? used[0])?.endpoint;
    return endpoint === undefined ? {} : { endpoint: withoutQuery(endpoint).slice(0, 2_048) };
  }

  #catalogueSnapshot(catalogue: Catalogue): NonNullable<ServerSnapshot['catalogue']> {
    const info = catalogue.initialize['serverInfo'] as Record<string, unknown> | undefined;
    const title = info?.['title'] ?? info?.['name'];
    return {
      tools: catalogue.lists['tools']?.length ?? 0,
      digest: catalogueDigest(catalogue),
      savedAt: catalogue.savedAt,
      ...(typeof title === 'string' ? { serverTitle: title.slice(0, 256) } : {}),
    };
  }

  #rateSnapshot(now: number): Pick<ServerSnapshot, 'rate'> {
    const { state } = this.limiter;
    if (state === undefined) return {};
    const { rate, max, queued, rejected, heldMs } = state;
    const heldUntil = heldMs > 0 ? { heldUntil: now + heldMs } : {};
    return { rate: { current: Math.round(rate * 10) / 10, max, queued, rejected, ...heldUntil } };
  }

  get #readySentence(): string {
    const fault = this.#callFault;
    const why = fault === undefined ? '' : ` The last call failed: ${fault.message.slice(0, MAX_REASON)}`;
    if (this.#breaker.state === 'open')
      return `It is connected, but failed repeatedly; calls are held back for now.${why}`;
    return fault === undefined ? 'It is connected and answers.' : `It is connected.${why}`;
  }

  /** What is the case and why. Without times: the snapshot has them as data, and a text with them goes stale. */
  #sentence(state: ConnectionState, connections: readonly Connection[]): string {
    const shown = connections.find((connection) => connection.state === state);
    const diagnosis = shown?.diagnosis ?? '';
    const failedBefore =
      shown?.startFault === undefined ? '' : ` The start before this one failed: ${shown.startFault.message}`;
    const isHttp = this.config?.type === 'http';
    switch (state) {
      case 'idle':
        return 'Nobody uses it now; it is started when it is needed.';
      case 'connecting':
        if (shown?.awaitsInput === true) return awaitsInputSentence(this.inputs?.ids ?? []);
        return `${isHttp ? 'It is being connected to.' : 'Its process is being started.'}${failedBefore}`;
      case 'initializing':
        return `${isHttp ? 'It is being connected to' : 'Its process runs'}; the MCP handshake is under way.${failedBefore}`;
      case 'probing':
        return 'The handshake is done; one ping makes sure that it answers.';
      case 'ready':
        return this.#readySentence;
      case 'suspect':
        return 'It did not answer on time, or could not be reached; pings find out whether it is slow or gone.';
      case 'broken':
        return `The connection was lost. ${diagnosis}`;
      case 'recovering':
        return `It is being ${isHttp ? 'connected to' : 'started'} again. ${diagnosis}`;
      case 'crashLoop':
        return `It keeps failing and is tried again at long intervals. ${diagnosis}`;
      case 'needsSignIn':
        return shown?.awaitsInput === true ? diagnosis : `It needs a sign-in. ${diagnosis}`;
      case 'isolated':
        return 'It is isolated by hand; rejoin it to use it again.';
      case 'stopped':
        return this.config === undefined ? 'Its settings cannot be used.' : 'It is disabled in the settings.';
    }
  }
}

/** Why the server's own health check fails, on the first of its connections where it does. */
function failedCheckOf(failures: ReadonlyMap<string, string>): Degraded | undefined {
  const [why] = failures.values();
  const sentence = `It answers, but its own health check fails. ${why ?? ''}`;
  return why === undefined ? undefined : { reason: 'failedCheck', sentence, missing: [] };
}

/** What it offers less than it did; absent when nothing is missed. */
function degradedOf(catalogue: Catalogue | undefined): Degraded | undefined {
  return describeMissing(catalogue?.missing, (member) => catalogue?.lists[member]?.length ?? 0);
}

function breakerOptions(settings: ConnectionSettings): BreakerOptions {
  const { failureThreshold, successThreshold, recoveryTimeout } = settings;
  return { failureThreshold, successThreshold, recoveryTimeoutMs: recoveryTimeout * 1_000 };
}

/** The longest silence, and the highest suspicion, among its connections. */
function healthOf(connections: readonly Connection[]): Pick<ServerSnapshot, 'busySince' | 'suspicion'> {
  const busy = connections.flatMap(({ busySince }) => busySince ?? []);
  const suspicions = connections.flatMap(({ suspicion }) => suspicion ?? []);
  return {
    ...(busy.length === 0 ? {} : { busySince: Math.min(...busy) }),
    ...(suspicions.length === 0 ? {} : { suspicion: Math.round(Math.max(...suspicions) * 10) / 10 }),
  };
}
