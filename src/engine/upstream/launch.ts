import type { Clock } from '../../shared/base/clock.ts';
import type { Disposable } from '../../shared/base/disposable.ts';
import { SlotMap } from '../../shared/base/slotMap.ts';
import { Fault, type FaultCode } from '../../shared/model/fault.ts';
import {
  canonicalId,
  memberRange,
  scanFrame,
  textOf,
  withId,
  type Frame,
} from '../../shared/protocol/frameScanner.ts';
import type { Load } from '../health/patient.ts';
import { Vitals } from '../health/vitals.ts';
import { noteWritten, wireIdOf, wireLineOf, type Call, type Outcome } from '../pipeline/call.ts';
import { beginAttempt, endAttempt } from '../pipeline/callTrace.ts';
import { itemsOfBatch } from './batch.ts';
import { cancelMessage } from './cancelMessage.ts';
import { idOfCutAnswer } from './cutAnswer.ts';
import { Inbox } from './inbox.ts';
import {
  goneFault,
  notJsonFault,
  refusedToInitialize,
  sessionLostFault,
  startTimeoutFault,
  tooLongAnswerFault,
  unforeseenFault,
} from './launchFaults.ts';
import { isObject, readInternalAnswer, stringMemberOf, type InternalAnswer } from './ownRequests.ts';
import { Outages } from './outages.ts';
import { restoring, untilReady } from './readiness.ts';
import { RecentIds } from './recentIds.ts';
import { listChanged, readServerLine } from './serverLine.ts';
import { ServerRequests } from './serverRequests.ts';
import { ReadingHolds } from './readingHolds.ts';
import type { ToolHints } from '../pipeline/retryClass.ts';
import type { CallRecord, StopGrace, Transport, TransportListener, Verdict } from './transport.ts';

/** What a launch restores after its handshake (requirements R3.2). */
export interface ClientHello {
  /** Parameters of the client's `initialize`, JSON text. */
  readonly initialize: string;
  readonly logLevel: string | undefined;
  readonly subscriptions: readonly string[];
}

export interface LaunchListener {
  onPhase(phase: 'initializing' | 'probing' | 'ready'): void;
  /** The server's `initialize` result, JSON text, and the whole answer. */
  onInitialized(result: string, line: Uint8Array): void;
  /** A message for the client: a notification, or a request whose id has been rewritten. `about`: the client's request it belongs to, if known. */
  onClientMessage(line: Uint8Array, about?: string): void;
  /** `list` is the list's method, e.g. `tools/list`; `line` the notification, to be passed on when the list is stored. */
  onListChanged(list: string, line: Uint8Array): void;
  /** A request of the server to the client was opened or settled. */
  onServerRequests(open: number): void;
  /** Answers whether the client should see it. */
  onProgress(token: string, progress: number): boolean;
  onStderr(text: string): void;
  onGarbage(what: string): void;
  /** The way to the server is in doubt: one should ask it. */
  onDoubt(fault: Fault): void;
  onEnd(fault: Fault): void;
}

export interface LaunchOptions {
  readonly server: string;
  /** No other launch of any engine has it; stands in ids. */
  readonly name: string;
  readonly clock: Clock;
  readonly hello: ClientHello;
  readonly startTimeoutMs: number;
  readonly open: (listener: TransportListener) => Transport;
  readonly journal: CallRecord;
  /** Takes secrets out of what the server says and is told elsewhere. */
  readonly redact?: ((text: string) => string) | undefined;
}

interface PendingCall {
  readonly call: Call;
  /** Monotonic milliseconds. */
  readonly writtenAt: number;
  readonly settle: (outcome: Outcome) => void;
}

/** What a ping may take that finds out whether a session is still known. */
const CHECK_TIMEOUT_MS = 5_000;
const MAX_ABANDONED = 1_000;
/** Of what is quoted this much is searched for secrets; less of it is told. */
const MAX_QUOTED = 2_048;

/** What says that the session is gone, or that it must not be used. */
const endsSession: ReadonlySet<FaultCode> = new Set(['sessionLost', 'authRequired']);
/** What says that the server cannot be reached, or that a gateway turns calls away for it; rather than that it refused. */
const raisesDoubt: ReadonlySet<FaultCode> = new Set(['connectionRefused', 'connectTimeout', 'unavailable']);

/**
 * One life of a server's process, or one session with a remote server: handshake and readiness, matching of answers, rewriting of the ids of the server's
 * own requests. When it ends, everything that belonged to it ends with it.
 */
export class Launch implements TransportListener {
  readonly name: string;
  readonly outages = new Outages();
  readonly vitals: Vitals;
  /** The tools' hints as this process gave them; absent until it has. */
  toolHints: ReadonlyMap<string, ToolHints> | undefined;
  readonly #options: LaunchOptions;
  #toolChanges = 0;
  readonly #listener: LaunchListener;
  readonly #transport: Transport;
  readonly #pending = new SlotMap<PendingCall>();
  readonly #internal = new Map<string, (answer: InternalAnswer) => void>();
  readonly #serverRequests = new ServerRequests(() => this.#nextId());
  readonly #startTimer: Disposable;
  #startFault: Fault | undefined;
  #counter = 0;
  #answered = 0;
  #readyAt: number | undefined;
  #lossCounted = false;
  #isInitialized = false;
  #ended = false;
  #retirement: PromiseWithResolvers<void> | undefined;
  readonly #inbox: Inbox;
  #about: string | undefined;
  readonly #reading: ReadingHolds;
  #check: Promise<InternalAnswer> | undefined;
  #oddity: { readonly what: string; readonly at: number } | undefined;
  /** Ids of calls that nobody waits for any more; their late answers are no oddity. */
  readonly #abandoned = new RecentIds(MAX_ABANDONED);

  constructor(options: LaunchOptions, listener: LaunchListener) {
    this.name = options.name;
    this.#options = options;
    this.#listener = listener;
    this.vitals = new Vitals(options.clock);
    this.#reading = new ReadingHolds(() => this.#transport, this.vitals);
    this.#inbox = new Inbox({
      clock: options.clock,
      handle: (line, about) => this.#onLine(line, about),
      onError: (error) => this.convict(unforeseenFault(options.server, error)),
      holdReading: (hold) => this.#reading.setFlooding(hold),
      onFlood: () => listener.onGarbage('more messages than can be handled; it is read more slowly'),
    });
    this.#transport = options.open(this);
    this.#startTimer = options.clock.setTimer(options.startTimeoutMs, () => {
      this.#startFault = startTimeoutFault(options.server, {
        limitMs: options.startTimeoutMs,
        isInitialized: this.#isInitialized,
        isHttp: this.#transport.requestsAreIndependent,
      });
      void this.stop({ politeMs: 100, firmMs: 1_000 });
    });
  }

  /** Before it is cut: half a secret would not be known as one. */
  redact(text: string): string {
    return this.#options.redact?.(text) ?? text;
  }

  get pid(): number | undefined {
    return this.#transport.pid;
  }

  /** The address it is reached at; absent where there is none. */
  get endpoint(): string | undefined {
    return this.#transport.endpoint;
  }

  /** The last thing it said that could not be understood, as the rest of a sentence, and when (monotonic). */
  get oddity(): { readonly what: string; readonly at: number } | undefined {
    return this.#oddity;
  }

  /** How often the server has said that its tools changed. */
  get toolChanges(): number {
    return this.#toolChanges;
  }

  get inFlight(): number {
    return this.#pending.size;
  }

  /** What it is at work on, or waits for. */
  get load(): Load {
    const calls = [...this.#pending.values()];
    return {
      openCalls: calls.map(({ call }) => call),
      openSince: calls[0]?.writtenAt,
      isAsking: this.#serverRequests.size > 0,
      isHeldUp: this.#reading.isHeldUp,
      isFlooding: this.#reading.isFlooding,
    };
  }

  get answered(): number {
    return this.#answered;
  }

  /** Monotonic milliseconds when it became ready. */
  get readyAt(): number | undefined {
    return this.#readyAt;
  }

  /** It takes no more calls. Where requests are independent, those under way may still be answered. */
  get hasEnded(): boolean {
    return this.#ended;
  }

  /** It takes no more calls, but some may still be answered. */
  get isLingering(): boolean {
    return (this.#ended || this.#retirement !== undefined) && this.#pending.size > 0;
  }

  /** Reads no further until `resumeReading` was called as often. */
  pauseReading(): void {
    this.#reading.pause();
  }

  resumeReading(): void {
    this.#reading.resume();
  }

  /** True for the first caller only: one lost process is one failure. */
  countLoss(): boolean {
    const first = !this.#lossCounted;
    this.#lossCounted = true;
    return first;
  }

  onOpened(): void {
    this.#listener.onPhase('initializing');
    void this.#shakeHands();
  }

  async #shakeHands(): Promise<void> {
    const { hello, server } = this.#options;
    const answer = await this.request('initialize', hello.initialize);
    if (answer.kind === 'failed') {
      // Without a fault of its own, its end is being told.
      if (answer.fault !== undefined) this.convict(answer.fault);
      return;
    }
    if (answer.kind === 'error' || !isObject(answer.value)) {
      const why = answer.kind === 'error' ? answer.error : 'its answer to initialize is no object';
      this.#startFault = refusedToInitialize(server, this.redact(why));
      void this.stop();
      return;
    }
    this.#listener.onInitialized(answer.result, answer.line);
    this.#transport.useProtocol(stringMemberOf(answer.result, 'protocolVersion') ?? '');
    if (!(await this.#announceInitialized())) return;
    this.#isInitialized = true;
    this.#listener.onPhase('probing');
    // Any answer will do: a server that does not know `ping` says so, and is there.
    const pong = await untilReady(() => this.request('ping', undefined), this.#options.clock);
    if (pong.kind === 'failed') {
      if (pong.fault !== undefined) this.convict(pong.fault);
      return;
    }
    // Nothing but the ping before it was answered (requirements R3.1): a stream that is refused is not asked for again.
    this.#transport.listen();
    for (const [method, params] of restoring(hello)) void this.request(method, params);
    this.#startTimer.dispose();
    this.#readyAt = this.#options.clock.now();
    this.#listener.onPhase('ready');
  }

  /** Waits until the server has taken it: over HTTP the next request might overtake it, and be refused (requirements R3.1). */
  #announceInitialized(): Promise<boolean> {
    return new Promise((resolve) => {
      this.#transport.notify('{"jsonrpc":"2.0","method":"notifications/initialized"}', (verdict) => {
        if (verdict.kind === 'failed') this.convict(verdict.fault);
        resolve(verdict.kind === 'written' && !this.#ended);
      });
    });
  }

  #nextId(): string {
    this.#counter += 1;
    return `"lifeline:${this.name}:${this.#counter}"`;
  }

  /** A request of our own. Never rejects; `failed` when the launch ended or `timeoutMs` passed first. */
  request(method: string, params: string | undefined, timeoutMs?: number): Promise<InternalAnswer> {
    if (this.#ended) return Promise.resolve({ kind: 'failed' });
    const id = this.#nextId();
    // Nothing else of ours makes it work for long; and what has no limit would explain a silence for ever.
    const isWork = timeoutMs !== undefined && method !== 'ping';
    if (isWork) this.vitals.ownRequests += 1;
    const tail = params === undefined ? '' : `,"params":${params}`;
    return new Promise((resolve) => {
      const timer =
        timeoutMs === undefined
          ? undefined
          : this.#options.clock.setTimer(timeoutMs, () => {
              this.#abandoned.add(id);
              finish({ kind: 'failed' });
            });
      const writtenAt = this.#options.clock.now();
      const finish = (answer: InternalAnswer): void => {
        if (answer.kind !== 'failed') this.vitals.answered(writtenAt);
        if (isWork && this.#internal.get(id) === finish) this.vitals.ownRequests -= 1;
        timer?.dispose();
        this.#internal.delete(id);
        this.#transport.release(id);
        resolve(answer);
      };
      this.#internal.set(id, finish);
      const line = `{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(method)}${tail}}`;
      this.#transport.request({ id, line, atMostOnce: false }, (verdict) => {
        // A pipe that breaks ends the launch, which settles this.
        if (verdict.kind !== 'failed' || this.#internal.get(id) !== finish) return;
        finish({ kind: 'failed', fault: verdict.fault });
        if (endsSession.has(verdict.fault.code)) this.convict(verdict.fault);
      });
    });
  }

  /** Writes a call and waits for its answer. Never rejects. */
  send(call: Call): Promise<Outcome> {
    const { signal } = call.controller;
    if (signal.aborted) return Promise.resolve({ kind: 'fault', fault: signal.reason as Fault });
    if (this.#ended) return Promise.resolve({ kind: 'fault', fault: goneFault(this.#options.server) });
    const id = wireIdOf(call);
    return new Promise((resolve) => {
      const onAbort = (): void => {
        const why = signal.reason as Fault;
        this.#transport.notify(cancelMessage(call, why));
        this.#abandoned.add(id);
        if (why.code === 'cancelled') this.vitals.abandoned(call.deadline.remainingMs);
        settle({ kind: 'fault', fault: signal.reason as Fault });
      };
      const settle = (outcome: Outcome): void => {
        if (this.#pending.get(id)?.call !== call) return;
        this.#pending.delete(id);
        signal.removeEventListener('abort', onAbort);
        this.#transport.release(id);
        endAttempt(call.trace, attempt, outcome);
        resolve(outcome);
        if (this.#pending.size > 0) return;
        if (this.#retirement !== undefined) this.#retirement.resolve(this.stop());
        else if (this.#ended) void this.stop();
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#pending.set(id, { call, writtenAt: this.vitals.called(), settle });
      // On record before it is written: an engine killed in between leaves at most a call that was never run.
      const atMostOnce = call.retryClass === 'atMostOnce';
      if (atMostOnce) this.#options.journal.written(call, this.#transport.collectsRequests === true);
      noteWritten(call);
      const attempt = beginAttempt(call.trace, wireLineOf(call), this);
      this.#transport.request({ id, line: wireLineOf(call), ...attempt, atMostOnce }, (verdict) => {
        if (verdict.kind !== 'written' && this.#pending.get(id)?.call === call)
          this.#onLost(call, settle, verdict);
      });
    });
  }

  /** A call that will get no answer. */
  #onLost(
    call: Call,
    settle: (outcome: Outcome) => void,
    verdict: Exclude<Verdict, { kind: 'written' }>,
  ): void {
    if (verdict.delivered === 'no') {
      call.delivery = 'queued';
      call.attempts -= 1;
      if (call.retryClass === 'atMostOnce') this.#options.journal.withdrawn(call);
    }
    if (verdict.kind === 'broken') {
      // A stdio server that takes no input is dead or dying. The call is settled with its end, not before: tried
      // again now it would meet the same process.
      void this.stop({ politeMs: 100, firmMs: 500 });
      return;
    }
    const { fault } = verdict;
    if (fault.code === 'sessionNotReady' && !this.#ended) void this.#findOut(settle, fault);
    else {
      // The state changes first, so that a call that is tried again waits for the next launch, not for this one.
      this.#noteFailure(fault);
      settle({ kind: 'fault', fault });
    }
  }

  /** HTTP 400: either the session is gone, as some servers put it, or this one request is wrong. A ping tells which. */
  async #findOut(settle: (outcome: Outcome) => void, fault: Fault): Promise<void> {
    this.#check ??= this.request('ping', undefined, CHECK_TIMEOUT_MS).finally(
      () => (this.#check = undefined),
    );
    const answer = await this.#check;
    const isSessionGone =
      this.#ended || (answer.kind === 'failed' && answer.fault?.code === 'sessionNotReady');
    const code = isSessionGone ? 'sessionLost' : 'httpError';
    const told = isSessionGone ? sessionLostFault(this.#options.server, fault) : fault;
    if (isSessionGone) this.convict(told);
    settle({ kind: 'fault', fault: new Fault(code, told.message, { server: this.#options.server }) });
  }

  #noteFailure(fault: Fault): void {
    if (endsSession.has(fault.code)) this.convict(fault);
    else if (raisesDoubt.has(fault.code) && !this.#ended) this.#listener.onDoubt(fault);
  }

  /** Passes a notification of the client on; before the handshake the server knows of nothing that it could be about. */
  notify(line: Uint8Array): void {
    if (!this.#isInitialized) return;
    if (this.#transport.isFull !== true) this.#transport.notify(line);
    else this.#listener.onGarbage('a message of the client; the server has not read what came before it');
  }

  /** Passes the client's answer to a server's request on; false when this launch does not wait for it. */
  answer(line: Uint8Array, frame: Extract<Frame, { kind: 'response' }>): boolean {
    const answer = this.#serverRequests.answer(line, frame);
    if (answer === undefined) return false;
    this.#transport.notify(answer);
    this.#listener.onServerRequests(this.#serverRequests.size);
    return true;
  }

  /** Kept-alive connections may be dead without our knowing; the next message goes over a new one. */
  dropIdleConnections(): void {
    this.#transport.dropIdleConnections?.();
  }

  /** Stops the process; `onEnd` follows. With `told`, that is what its calls are told, whatever way it ends. */
  stop(grace?: StopGrace, told?: Fault): Promise<void> {
    this.#startFault ??= told;
    return this.#transport.stop(grace);
  }

  /** Ends it when the last call under way is settled; whoever says so gives it no more. Resolves when it is gone. */
  retire(): Promise<void> {
    this.#retirement ??= Promise.withResolvers();
    if (this.#pending.size === 0) this.#retirement.resolve(this.stop());
    return this.#retirement.promise;
  }

  /** Ends it at once, because it was found hung or lost; `fault` is what its calls and the state tell. */
  convict(fault: Fault): void {
    if (this.#ended) return;
    this.#startFault = fault;
    const outlivesSession = this.#transport.requestsAreIndependent && this.#readyAt !== undefined;
    if (outlivesSession) this.#close(fault);
    // Calls that still run there keep their requests; the last one ends the rest.
    if (!outlivesSession || this.#pending.size === 0) void this.stop({ politeMs: 0, firmMs: 500 });
  }

  onLines(lines: readonly Uint8Array[], about?: string): void {
    this.vitals.heard();
    this.#inbox.push(lines, about);
  }

  #onLine(line: Uint8Array, about: string | undefined): Promise<unknown> | undefined {
    this.#about = about;
    const { frame, isJson } = readServerLine(line);
    switch (frame.kind) {
      case 'response':
        return this.#onResponse(line, frame, isJson);
      case 'request':
        this.#onServerRequest(line, frame);
        return undefined;
      case 'notification':
        this.#onNotification(line, frame);
        return undefined;
      case 'batch':
        return this.#onBatch(line, about);
      case 'invalid':
        return this.#onInvalid(line, frame.id);
    }
  }

  async #onBatch(line: Uint8Array, about: string | undefined): Promise<void> {
    const items = itemsOfBatch(line);
    if (items === undefined) this.#listener.onGarbage('a batch that is not JSON');
    for (const item of items ?? []) if (scanFrame(item).kind !== 'batch') await this.#onLine(item, about);
  }

  #onResponse(
    line: Uint8Array,
    frame: Extract<Frame, { kind: 'response' }>,
    isJson: boolean,
  ): Promise<unknown> | undefined {
    const internal = this.#internal.get(frame.id);
    if (internal !== undefined) {
      internal(readInternalAnswer(line));
      return undefined;
    }
    const pending = this.#pending.get(frame.id);
    this.vitals.answered(pending?.writtenAt ?? -Infinity);
    if (pending === undefined) {
      // Cancelled, past its deadline, or answered before: the client must not see it.
      this.#inbox.countUnasked();
      const id = this.redact(frame.id.slice(0, MAX_QUOTED)).slice(0, 64);
      this.#listener.onGarbage(`an answer to a request that is not open (id ${id})`);
      if (!this.#abandoned.delete(frame.id))
        this.#noteOddity(`answered a request that is not open (id ${id})`);
      return undefined;
    }
    if (!isJson) return this.#onInvalid(line, frame.id);
    pending.call.delivery = 'done';
    this.#answered += 1;
    const { call } = pending;
    const own = call.wire === undefined ? line : withId(line, frame.idRange, call.id);
    pending.settle({ kind: 'answer', line: own, isError: frame.isError });
    return call.settled.promise;
  }

  /** Something that is not JSON. When it still tells which call it was to answer, that call ends here and now. */
  #onInvalid(line: Uint8Array, id: string | undefined): Promise<unknown> | undefined {
    this.#inbox.countUnasked();
    const beginning = this.redact(textOf(line, { start: 0, end: MAX_QUOTED })).slice(0, 200);
    this.#listener.onGarbage(beginning);
    this.#noteOddity(
      `sent something that is no MCP message and may have hidden the answer: "${beginning.slice(0, 60)}"; its output may carry nothing else`,
    );
    const pending = id === undefined ? undefined : this.#pending.get(id);
    if (pending === undefined) return undefined;
    pending.settle({ kind: 'fault', fault: notJsonFault(this.#options.server) });
    return pending.call.settled.promise;
  }

  #noteOddity(what: string): void {
    this.#oddity = { what, at: this.#options.clock.now() };
  }

  #onServerRequest(line: Uint8Array, frame: Extract<Frame, { kind: 'request' }>): void {
    this.#inbox.countUnasked();
    const request = this.#serverRequests.open(line, frame);
    if (request === undefined) {
      this.#transport.notify(
        `{"jsonrpc":"2.0","id":${frame.id},"error":{"code":-32000,"message":"Too many open requests"}}`,
      );
      return;
    }
    this.#listener.onClientMessage(request, this.#about);
    this.#listener.onServerRequests(this.#serverRequests.size);
  }

  #onNotification(line: Uint8Array, frame: Extract<Frame, { kind: 'notification' }>): void {
    this.#inbox.countUnasked();
    const list = listChanged.get(frame.method);
    if (list !== undefined) {
      // What it said of its tools before does not count any more; until it is asked again they are at-most-once.
      if (list === 'tools/list') {
        this.toolHints = undefined;
        this.#toolChanges += 1;
      }
      this.#listener.onListChanged(list, line);
      return;
    }
    if (frame.params !== undefined && frame.method === 'notifications/progress') {
      const token = memberRange(line, frame.params, 'progressToken');
      const progress = memberRange(line, frame.params, 'progress');
      const value = progress === undefined ? NaN : Number(textOf(line, progress));
      if (token !== undefined && !this.#listener.onProgress(canonicalId(textOf(line, token)), value)) return;
    }
    if (frame.params !== undefined && frame.method === 'notifications/cancelled') {
      const cancelled = this.#serverRequests.cancel(line, frame.params);
      if (cancelled !== undefined) this.#listener.onClientMessage(cancelled, this.#about);
      this.#listener.onServerRequests(this.#serverRequests.size);
      return;
    }
    this.#listener.onClientMessage(line, this.#about);
  }

  onTooLongLine(sizeBytes: number, head: Uint8Array, tail?: Uint8Array): void {
    this.vitals.heard();
    if (tail === undefined) this.#listener.onGarbage(`a message over the limit (${sizeBytes} bytes)`);
    // Its beginning or its end tells which call it was to answer; that one would wait for its deadline.
    const id = idOfCutAnswer(head, tail);
    const pending = id === undefined ? undefined : this.#pending.get(id);
    if (pending === undefined) return;
    pending.settle({ kind: 'fault', fault: tooLongAnswerFault(this.#options.server, sizeBytes) });
  }

  onStderr(text: string): void {
    this.#listener.onStderr(text);
  }

  onDoubt(fault: Fault): void {
    if (this.#readyAt === undefined) return; // the handshake will tell
    this.#noteFailure(fault);
  }

  afterLines(action: () => void): void {
    this.#inbox.afterAll(action);
  }

  onEnd(fault: Fault): void {
    // Lines that came before the end are handled first: an answer written just before a crash counts.
    this.afterLines(() => this.#finish(this.#startFault ?? fault));
  }

  /** Takes no more calls, and says so; those under way stay open. */
  #close(fault: Fault): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#startTimer.dispose();
    this.#serverRequests.closeAll(this.#listener);
    // The state changes first, so that a call that is tried again waits for the next launch, not for this one.
    this.#listener.onEnd(fault);
    for (const settle of [...this.#internal.values()]) settle({ kind: 'failed' });
  }

  #finish(fault: Fault): void {
    this.#close(fault);
    // Also what it asked for in the course of its last calls, when it took no more.
    this.#serverRequests.closeAll(this.#listener);
    for (const { settle } of [...this.#pending.values()]) settle({ kind: 'fault', fault });
  }
}
