import type { Clock } from '../../shared/base/clock.ts';
import type { Disposable } from '../../shared/base/disposable.ts';
import { Fault } from '../../shared/model/fault.ts';
import {
  canonicalId,
  memberRange,
  scanFrame,
  textOf,
  type Frame,
} from '../../shared/protocol/frameScanner.ts';
import type { Call, Outcome } from '../pipeline/call.ts';
import { isJson, isObject, readInternalAnswer, type InternalAnswer } from './ownRequests.ts';
import { ServerRequests } from './serverRequests.ts';
import type { ToolHints } from '../pipeline/retryClass.ts';
import type { ProcessEnd, ServerProcess, ServerProcessListener, StopGrace } from './serverProcess.ts';

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
  /** A message for the client: a notification, or a request whose id has been rewritten. */
  onClientMessage(line: Uint8Array): void;
  /** `list` is the list's method, e.g. `tools/list`; `line` the notification, to be passed on when the list is stored. */
  onListChanged(list: string, line: Uint8Array): void;
  /** A request of the server to the client was opened or settled. */
  onServerRequests(open: number): void;
  /** Answers whether the client should see it. */
  onProgress(token: string, progress: number): boolean;
  onStderr(text: string): void;
  onGarbage(what: string): void;
  /** A call was answered. */
  onAnswered(): void;
  onEnd(fault: Fault, end: ProcessEnd): void;
}

export interface LaunchOptions {
  readonly server: string;
  /** No other launch of any engine has it; stands in ids. */
  readonly name: string;
  readonly clock: Clock;
  readonly hello: ClientHello;
  readonly startTimeoutMs: number;
  readonly spawn: (listener: ServerProcessListener) => ServerProcess;
  readonly journal: { written(call: Call): void; withdrawn(call: Call): void };
}

interface PendingCall {
  readonly call: Call;
  readonly settle: (outcome: Outcome) => void;
}

const listChanged: ReadonlyMap<string, string> = new Map([
  ['notifications/tools/list_changed', 'tools/list'],
  ['notifications/prompts/list_changed', 'prompts/list'],
  ['notifications/resources/list_changed', 'resources/list'],
]);
/** Answers are parsed once, to make sure that the client can; beyond this they are checked for structure only. */
const PARSE_BELOW_BYTES = 8_388_608;
const decoder = new TextDecoder();

/**
 * One life of a server process: handshake and readiness, matching of answers, rewriting of the ids of the server's
 * own requests. When it ends, everything that belonged to it ends with it.
 */
export class Launch implements ServerProcessListener {
  readonly name: string;
  /** The tools' hints as this process gave them; absent until it has. */
  toolHints: ReadonlyMap<string, ToolHints> | undefined;
  readonly #options: LaunchOptions;
  #toolChanges = 0;
  readonly #listener: LaunchListener;
  readonly #process: ServerProcess;
  readonly #pending = new Map<string, PendingCall>();
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
  #lines: Uint8Array[] = [];
  #pumping: Promise<void> | undefined;
  #isPumping = false;

  constructor(options: LaunchOptions, listener: LaunchListener) {
    this.name = options.name;
    this.#options = options;
    this.#listener = listener;
    this.#startTimer = options.clock.setTimer(options.startTimeoutMs, () => {
      const seconds = Math.round(options.startTimeoutMs / 1_000);
      this.#startFault = new Fault(
        'startTimeout',
        `The MCP server "${options.server}" did not finish its start within ${seconds} s.`,
        { server: options.server },
      );
      void this.stop({ politeMs: 100, firmMs: 1_000 });
    });
    this.#process = options.spawn(this);
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** How often the server has said that its tools changed. */
  get toolChanges(): number {
    return this.#toolChanges;
  }

  get inFlight(): number {
    return this.#pending.size;
  }

  get answered(): number {
    return this.#answered;
  }

  /** Monotonic milliseconds when it became ready. */
  get readyAt(): number | undefined {
    return this.#readyAt;
  }

  get hasEnded(): boolean {
    return this.#ended;
  }

  /** Reads no further until `resumeReading`; false when it was paused already. */
  pauseReading(): boolean {
    return this.#process.pauseReading();
  }

  resumeReading(): void {
    this.#process.resumeReading();
  }

  /** True for the first caller only: one lost process is one failure. */
  countLoss(): boolean {
    const first = !this.#lossCounted;
    this.#lossCounted = true;
    return first;
  }

  onSpawned(): void {
    this.#listener.onPhase('initializing');
    void this.#shakeHands();
  }

  async #shakeHands(): Promise<void> {
    const { hello, server } = this.#options;
    const answer = await this.request('initialize', hello.initialize);
    if (answer.kind === 'failed') return; // its end is being told
    if (answer.kind === 'error' || !isObject(answer.result)) {
      const why = answer.kind === 'error' ? answer.error : 'its answer to initialize is no object';
      this.#startFault = new Fault(
        'protocolGarbage',
        `The MCP server "${server}" refused to initialize: ${why.slice(0, 500)}`,
        { server },
      );
      void this.stop();
      return;
    }
    this.#listener.onInitialized(answer.result, answer.line);
    this.#process.write('{"jsonrpc":"2.0","method":"notifications/initialized"}');
    this.#isInitialized = true;
    this.#listener.onPhase('probing');
    if (hello.logLevel !== undefined)
      void this.request('logging/setLevel', JSON.stringify({ level: hello.logLevel }));
    for (const uri of hello.subscriptions) void this.request('resources/subscribe', JSON.stringify({ uri }));
    // Any answer will do: a server that does not know `ping` says so, and is there.
    if ((await this.request('ping', undefined)).kind === 'failed') return;
    this.#startTimer.dispose();
    this.#readyAt = this.#options.clock.now();
    this.#listener.onPhase('ready');
  }

  #nextId(): string {
    this.#counter += 1;
    return `"lifeline:${this.name}:${this.#counter}"`;
  }

  /** A request of our own. Never rejects; `failed` when the launch ended or `timeoutMs` passed first. */
  request(method: string, params: string | undefined, timeoutMs?: number): Promise<InternalAnswer> {
    if (this.#ended) return Promise.resolve({ kind: 'failed' });
    const id = this.#nextId();
    const tail = params === undefined ? '' : `,"params":${params}`;
    return new Promise((resolve) => {
      const timer =
        timeoutMs === undefined
          ? undefined
          : this.#options.clock.setTimer(timeoutMs, () => finish({ kind: 'failed' }));
      const finish = (answer: InternalAnswer): void => {
        timer?.dispose();
        this.#internal.delete(id);
        resolve(answer);
      };
      this.#internal.set(id, finish);
      this.#process.write(`{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(method)}${tail}}`);
    });
  }

  /** Writes a call and waits for its answer. Never rejects. */
  send(call: Call): Promise<Outcome> {
    const { signal } = call.controller;
    if (signal.aborted) return Promise.resolve({ kind: 'fault', fault: signal.reason as Fault });
    if (this.#ended) return Promise.resolve({ kind: 'fault', fault: this.#gone() });
    return new Promise((resolve) => {
      const onAbort = (): void => {
        this.#cancelUpstream(call, signal.reason as Fault);
        settle({ kind: 'fault', fault: signal.reason as Fault });
      };
      const settle = (outcome: Outcome): void => {
        if (this.#pending.get(call.id)?.call !== call) return;
        this.#pending.delete(call.id);
        signal.removeEventListener('abort', onAbort);
        resolve(outcome);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#pending.set(call.id, { call, settle });
      // On record before it is written: an engine killed in between leaves at most a call that was never run.
      if (call.retryClass === 'atMostOnce') this.#options.journal.written(call);
      call.delivery = 'written';
      call.attempts += 1;
      this.#process.write(call.line, (verdict) => {
        if (verdict === 'written' || this.#pending.get(call.id)?.call !== call) return;
        if (verdict === 'notDelivered') {
          call.delivery = 'queued';
          if (call.retryClass === 'atMostOnce') this.#options.journal.withdrawn(call);
        }
        // A stdio server that takes no input is dead or dying. The call is settled with its end, not before: tried
        // again now it would meet the same process.
        void this.stop({ politeMs: 100, firmMs: 500 });
      });
    });
  }

  #gone(): Fault {
    const { server } = this.#options;
    return new Fault('brokenPipe', `The MCP server "${server}" was gone before it could be written to.`, {
      server,
    });
  }

  #cancelUpstream(call: Call, fault: Fault): void {
    if (call.cancelLine !== undefined) {
      this.#process.write(call.cancelLine);
      return;
    }
    const reason = fault.code === 'cancelled' ? 'The client cancelled the request' : fault.message;
    const params = `{"requestId":${call.id},"reason":${JSON.stringify(reason)}}`;
    this.#process.write(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":${params}}`);
  }

  /** Passes a notification of the client on; before the handshake the server knows of nothing that it could be about. */
  notify(line: Uint8Array): void {
    if (this.#isInitialized) this.#process.write(line);
  }

  /** Passes the client's answer to a server's request on; false when this launch does not wait for it. */
  answer(line: Uint8Array, frame: Extract<Frame, { kind: 'response' }>): boolean {
    const answer = this.#serverRequests.answer(line, frame);
    if (answer === undefined) return false;
    this.#process.write(answer);
    this.#listener.onServerRequests(this.#serverRequests.size);
    return true;
  }

  /** Stops the process; `onEnd` follows. */
  stop(grace?: StopGrace): Promise<void> {
    return this.#process.stop(grace);
  }

  /** Ends it at once, because it was found hung; `fault` is what its calls and the state tell. */
  convict(fault: Fault): void {
    this.#startFault = fault;
    void this.stop({ politeMs: 0, firmMs: 500 });
  }

  onLines(lines: readonly Uint8Array[]): void {
    this.#lines.push(...lines);
    if (this.#pumping !== undefined) return;
    const pumping = this.#pump();
    // Without a wait it has ended already.
    if (this.#isPumping) this.#pumping = pumping;
  }

  /** Handles messages one by one; after an answer it goes on only when the client has it, so that order is kept. */
  async #pump(): Promise<void> {
    this.#isPumping = true;
    while (this.#lines.length > 0) {
      const lines = this.#lines;
      this.#lines = [];
      for (const line of lines) {
        try {
          const wait = this.#onLine(line);
          if (wait !== undefined) await wait;
        } catch (error) {
          this.#onUnforeseen(error);
        }
      }
    }
    this.#isPumping = false;
    this.#pumping = undefined;
  }

  /** What a server sends may end that server, never the engine. */
  #onUnforeseen(error: unknown): void {
    const { server } = this.#options;
    const why = error instanceof Error ? error.message : String(error);
    const text = `The MCP server "${server}" sent something that could not be handled (${why}) and was restarted.`;
    this.convict(new Fault('protocolGarbage', text, { server, cause: error }));
  }

  #onLine(line: Uint8Array): Promise<unknown> | undefined {
    const frame = scanFrame(line);
    switch (frame.kind) {
      case 'response':
        return this.#onResponse(line, frame);
      case 'request':
        this.#onServerRequest(line, frame);
        return undefined;
      case 'notification':
        this.#onNotification(line, frame);
        return undefined;
      case 'batch':
        return this.#onBatch(line);
      case 'invalid':
        return this.#onInvalid(line, frame.id);
    }
  }

  async #onBatch(line: Uint8Array): Promise<void> {
    let items: unknown;
    try {
      items = JSON.parse(decoder.decode(line));
    } catch {
      this.#listener.onGarbage('a batch that is not JSON');
      return;
    }
    for (const item of (Array.isArray(items) ? items : []).slice(0, 1_000)) {
      const single = new TextEncoder().encode(JSON.stringify(item));
      if (scanFrame(single).kind === 'batch') continue;
      await this.#onLine(single);
    }
  }

  #onResponse(line: Uint8Array, frame: Extract<Frame, { kind: 'response' }>): Promise<unknown> | undefined {
    const internal = this.#internal.get(frame.id);
    if (internal !== undefined) {
      internal(readInternalAnswer(line));
      return undefined;
    }
    const pending = this.#pending.get(frame.id);
    if (pending === undefined) {
      // Cancelled, past its deadline, or answered before: the client must not see it.
      this.#listener.onGarbage(`an answer to a request that is not open (id ${frame.id.slice(0, 64)})`);
      return undefined;
    }
    if (line.length < PARSE_BELOW_BYTES && !isJson(line)) return this.#onInvalid(line, frame.id);
    pending.call.delivery = 'done';
    this.#answered += 1;
    this.#listener.onAnswered();
    pending.settle({ kind: 'answer', line, isError: frame.isError });
    return pending.call.settled.promise;
  }

  /** Something that is not JSON. When it still tells which call it was to answer, that call ends here and now. */
  #onInvalid(line: Uint8Array, id: string | undefined): Promise<unknown> | undefined {
    this.#listener.onGarbage(decoder.decode(line.subarray(0, 200)));
    const pending = id === undefined ? undefined : this.#pending.get(id);
    if (pending === undefined) return undefined;
    const { server } = this.#options;
    const text = `The MCP server "${server}" answered with something that is not JSON.`;
    pending.settle({ kind: 'fault', fault: new Fault('protocolGarbage', text, { server }) });
    return pending.call.settled.promise;
  }

  #onServerRequest(line: Uint8Array, frame: Extract<Frame, { kind: 'request' }>): void {
    const request = this.#serverRequests.open(line, frame);
    if (request === undefined) {
      this.#process.write(
        `{"jsonrpc":"2.0","id":${frame.id},"error":{"code":-32000,"message":"Too many open requests"}}`,
      );
      return;
    }
    this.#listener.onClientMessage(request);
    this.#listener.onServerRequests(this.#serverRequests.size);
  }

  #onNotification(line: Uint8Array, frame: Extract<Frame, { kind: 'notification' }>): void {
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
      if (cancelled !== undefined) this.#listener.onClientMessage(cancelled);
      this.#listener.onServerRequests(this.#serverRequests.size);
      return;
    }
    this.#listener.onClientMessage(line);
  }

  onTooLongLine(sizeBytes: number): void {
    this.#listener.onGarbage(`a message over the limit (${sizeBytes} bytes)`);
  }

  onStderr(text: string): void {
    this.#listener.onStderr(text);
  }

  onEnd(end: ProcessEnd): void {
    // Lines that came before the end are handled first: an answer written just before a crash counts.
    if (this.#pumping === undefined) this.#finish(end);
    else void this.#pumping.then(() => this.#finish(end));
  }

  #finish(end: ProcessEnd): void {
    this.#ended = true;
    this.#startTimer.dispose();
    const fault = this.#startFault ?? endFault(this.#options.server, end);
    for (const line of this.#serverRequests.closeAll()) this.#listener.onClientMessage(line);
    this.#listener.onServerRequests(0);
    // The state changes first, so that a call that is tried again waits for the next launch, not for this one.
    this.#listener.onEnd(fault, end);
    for (const { settle } of [...this.#pending.values()]) settle({ kind: 'fault', fault });
    for (const settle of [...this.#internal.values()]) settle({ kind: 'failed' });
  }
}

/** How a process's end is told. */
export function endFault(server: string, end: ProcessEnd): Fault {
  if (end.kind === 'spawnFailed') {
    const text = `The MCP server "${server}" could not be started: ${end.why ?? 'the system refused'}. Check "command", "cwd" and PATH in its settings.`;
    return new Fault('spawnFailed', text, { server });
  }
  const how = end.signal === undefined ? `exit code ${end.exitCode ?? 'unknown'}` : `signal ${end.signal}`;
  return new Fault('exited', `The MCP server "${server}" ended unexpectedly (${how}).`, { server });
}
