import { Cancellation } from '../../shared/base/cancellation.ts';
import { SlotMap } from '../../shared/base/slotMap.ts';
import { Fault, type FaultCode } from '../../shared/model/fault.ts';
import { layerAnswer, resultAnswer } from '../../shared/protocol/answers.ts';
import {
  canonicalId,
  findMembers,
  memberRange,
  parseString,
  textOf,
  type ByteRange,
  type Frame,
} from '../../shared/protocol/frameScanner.ts';
import { Deadline, type Call, type Outcome, type RetryClass } from '../pipeline/call.ts';
import { beginTrace, type ClientHeaders } from '../pipeline/callTrace.ts';
import { guardStage } from '../pipeline/guardStage.ts';
import { compose, type Next, type Stage } from '../pipeline/pipeline.ts';
import { poolStage } from '../pipeline/poolStage.ts';
import { backoffOptions } from '../policies/backoff/backoff.ts';
import type { SessionPlaces } from '../policies/pool/places.ts';
import { EmptyAnswers } from '../catalogue/emptyAnswers.ts';
import { noteOverload, rateStage } from '../pipeline/rateStage.ts';
import { beginColdWait, noteLostAttempt } from '../pipeline/heldUp.ts';
import { retryClassOf, type ToolHints } from '../pipeline/retryClass.ts';
import { retryStage } from '../pipeline/retryStage.ts';
import { staleStage } from '../pipeline/staleStage.ts';
import type { ServerRuntime } from '../servers/serverRuntime.ts';
import type { Launch } from '../upstream/launch.ts';
import type { ServerLink } from '../upstream/serverLink.ts';
import type { CallTableDeps } from './callTableDeps.ts';
import { RestartNote } from './restartNote.ts';
import { faultAnswer, interruptedFault, timeoutFault, toldFault } from './faultAnswers.ts';

/** No extension and no pause keeps a call open longer (requirements R2, requestTimeout). */
const DEADLINE_CAP_MS = 600_000;
const refusals: ReadonlySet<FaultCode> = new Set([
  'circuitOpen',
  'crashLoop',
  'isolated',
  'stopped',
  'overloaded',
]);
/** What is looked for in the parameters of a request. */
const PARAMS_MEMBERS = ['name', '_meta', 'task'] as const;
/** Open calls of one session; one more is refused. */
const MAX_OPEN = 1_000;

/** The open calls of one session: each is run through the pipeline, and answered exactly once. */
export class CallTable {
  readonly #deps: CallTableDeps;
  readonly #open = new SlotMap<Call>();
  readonly #places: SessionPlaces;
  readonly #restartNote: RestartNote;
  readonly #emptyAnswers = new EmptyAnswers();
  #deadlinesHeld = false;
  #composed:
    | {
        readonly connection: ServerLink;
        readonly settings: ServerRuntime['settings'];
        readonly staleAnswers: ServerRuntime['staleAnswers'];
        readonly run: Next;
      }
    | undefined;

  constructor(deps: CallTableDeps) {
    this.#deps = deps;
    this.#places = deps.runtime.places.session(deps.session);
    this.#restartNote = new RestartNote(deps.runtime.name, deps.hasRunTools);
  }

  /**
   * Makes a call of a request; gives nothing when its id is open already, or when too many are (that is answered). `headers`: of the HTTP request
   * that brought it.
   */
  create(
    line: Uint8Array,
    frame: Extract<Frame, { kind: 'request' }>,
    headers?: ClientHeaders,
  ): Call | undefined {
    const { runtime, clock, session } = this.#deps;
    const { method, id, params } = frame;
    const [nameRange, metaRange, taskRange] =
      params === undefined ? [] : findMembers(line, params, PARAMS_MEMBERS);
    const tool = method === 'tools/call' ? parseString(line, nameRange) : undefined;
    if (this.#open.size >= MAX_OPEN) {
      const text = `More than ${MAX_OPEN} calls are open on the MCP server "${runtime.name}"; this one was not carried out.`;
      this.#refuse(line, frame, new Fault('overloaded', text, { server: runtime.name }), tool);
      return undefined;
    }
    if (this.#open.has(id)) {
      // Answering would answer the first one (JSON-RPC: an id must not be used again while it is open).
      this.#deps.log(
        'warn',
        `a second request with the open id ${id.slice(0, 64)} was dropped`,
        runtime.name,
      );
      return undefined;
    }
    const seq = this.#deps.nextNumber();
    const controller = new Cancellation();
    const hints = tool === undefined ? undefined : runtime.hints(this.#deps.catalogueKey(), tool);
    const seconds =
      (tool === undefined ? undefined : runtime.config?.lifeline.timeouts.get(tool)) ??
      runtime.settings.requestTimeout;
    const deadline = new Deadline(clock, { totalMs: seconds * 1_000, capMs: DEADLINE_CAP_MS }, () =>
      this.#onDeadline(call),
    );
    const task = taskRange !== undefined;
    const call: Call = {
      seq,
      callId: `c${seq.toString(36)}`,
      session,
      server: runtime.name,
      method,
      tool,
      id,
      line,
      wire: undefined,
      trace: undefined,
      progressToken: metaRange === undefined ? undefined : progressTokenOf(line, metaRange),
      isTask: task,
      retryClass: this.#classOf({ method, isTask: task }, hints),
      deadline,
      controller,
      startedAt: deadline.startedAt,
      delivery: 'queued',
      waitsForPlace: false,
      waitedMs: 0,
      sentAt: undefined,
      ranMs: 0,
      coldMs: 0,
      isHeldUp: false,
      hasAsked: false,
      highestProgress: -Infinity,
      attempts: 0,
      failedAt: undefined,
      launch: undefined,
      cancelLine: undefined,
      settled: Promise.withResolvers<undefined>(),
    };
    const begun = { call, params, meta: metaRange, name: nameRange, headers };
    call.trace = beginTrace(this.#deps.tracing, begun);
    this.#open.set(id, call);
    if (this.#deadlinesHeld) deadline.pause();
    runtime.counters.began();
    return call;
  }

  /** Answers a request that becomes no call, because there is nothing that it could be asked of. */
  refuse(line: Uint8Array, frame: Extract<Frame, { kind: 'request' }>, fault: Fault): void {
    const name = frame.params === undefined ? undefined : memberRange(line, frame.params, 'name');
    this.#refuse(line, frame, fault, frame.method === 'tools/call' ? parseString(line, name) : undefined);
  }

  #refuse(
    line: Uint8Array,
    { method, id }: Extract<Frame, { kind: 'request' }>,
    fault: Fault,
    tool: string | undefined,
  ): void {
    const { runtime, clock, session, observations } = this.#deps;
    const { message: text, code } = fault;
    const answer = layerAnswer(method, id, { text, code, server: runtime.name, tool });
    runtime.counters.began();
    runtime.counters.ended({ kind: 'failed', fault });
    this.#deps.answer(id, answer);
    const refused = { session, server: runtime.name, method, tool, callId: '', attempts: 0, line } as const;
    observations?.callEnded(
      { ...refused, retryClass: 'atMostOnce', startedAt: clock.now(), waitedMs: 0 },
      code,
      answer,
    );
    runtime.touch();
  }

  /** Composed once for a connection, and again when the settings are others. */
  #pipeline(connection: ServerLink): Next {
    const { settings, staleAnswers } = this.#deps.runtime;
    const composed = this.#composed;
    if (
      composed?.connection === connection &&
      composed.settings === settings &&
      composed.staleAnswers === staleAnswers
    )
      return composed.run;
    const run = this.#compose(connection);
    this.#composed = { connection, settings, staleAnswers, run };
    return run;
  }

  /** The ordered list of what surrounds a call (design §2); what is not configured is left out. */
  #compose(connection: ServerLink): Next {
    const { runtime, log, clock, random, observations } = this.#deps;
    const { maxRetries } = runtime.settings;
    return compose(
      [
        this.#staleStage(),
        maxRetries === 0
          ? undefined
          : retryStage({
              maxRetries,
              clock,
              random,
              backoff: backoffOptions(runtime.settings),
              budget: runtime.retryBudget,
              onRefused: (call, { code }) =>
                log(
                  'info',
                  `call ${call.callId} (${call.tool ?? call.method}) is not tried again after ${code}: too much fails on this server just now (retry budget)`,
                  runtime.name,
                  ofKind(`call ${call.tool ?? call.method} not tried again: ${code}`),
                ),
              onRetry: (call, fault, { retry, pauseMs }) => {
                const { callId, method, tool } = call;
                noteLostAttempt(call, clock.now());
                runtime.counters.retries += 1;
                call.failedAt ??= clock.now();
                // Told also when in the end the call is only refused, or answered.
                runtime.noteFailedCall(fault);
                const { name: server } = runtime;
                const after = fault.code;
                observations?.note({ kind: 'retry', server, callId, method, tool, retry, after, pauseMs });
              },
            }),
        rateStage({
          limiter: runtime.limiter,
          clock,
          connection,
          breaker: runtime.breaker,
          occupied: () => runtime.places.occupied,
        }),
        poolStage({
          places: this.#places,
          connection,
          breaker: runtime.breaker,
          typicalMs: () => runtime.latency.recent?.p50Ms,
          onOverload: (outcome) => noteOverload(runtime.limiter, outcome),
        }),
        guardStage(connection, runtime.breaker, () => runtime.callFault),
      ],
      (call) => {
        const { launch } = call;
        if (launch === undefined) return Promise.resolve(noLaunch(call));
        // A tool's hints count only as this process gave them: an update may have changed what the tool does.
        if (call.method === 'tools/call')
          call.retryClass = this.#classOf(call, launch.toolHints?.get(call.tool ?? ''));
        call.sentAt = clock.now();
        return call.failedAt === undefined ? launch.send(call) : this.#sendAgain(call, launch, call.failedAt);
      },
    );
  }

  #sendAgain(call: Call, launch: Launch, failedAt: number): Promise<Outcome> {
    const { attempts } = call;
    const outcome = launch.send(call);
    if (call.attempts > attempts) {
      call.failedAt = undefined;
      this.#deps.runtime.counters.retryDelays.note(this.#deps.clock.now() - failedAt);
    }
    return outcome;
  }

  #staleStage(): Stage | undefined {
    const { runtime, clock, log } = this.#deps;
    const { staleAnswers: answers } = runtime;
    if (answers === undefined) return undefined;
    return staleStage({
      answers,
      clock,
      onServed: (call, fault) => {
        const what = `call ${call.callId} (${call.tool ?? call.method})`;
        log(
          'warn',
          `${what} was given a stale answer: ${fault.code}: ${fault.message}`,
          runtime.name,
          ofKind(`call ${call.tool ?? call.method} given a stale answer: ${fault.code}`),
        );
        if (!refusals.has(fault.code)) runtime.noteFailedCall(fault);
      },
    });
  }

  #classOf(call: Pick<Call, 'method' | 'isTask'>, hints: ToolHints | undefined): RetryClass {
    // A call that is run as a task leaves something behind on the server.
    if (call.isTask) return 'atMostOnce';
    return retryClassOf(call.method, hints, this.#deps.runtime.config?.lifeline.trustAnnotations === true);
  }

  /**
   * A process has told for the first time what its tools are. Calls that it was given before then counted as at-most-once for want of knowledge; what may be
   * repeated after all must not be lost with it, or with this engine (requirements R14.1).
   */
  noteToolsKnown(launch: Launch): void {
    for (const call of this.#open.values()) {
      if (call.launch !== launch || call.method !== 'tools/call' || call.retryClass !== 'atMostOnce')
        continue;
      call.retryClass = this.#classOf(call, launch.toolHints?.get(call.tool ?? ''));
      if (call.retryClass !== 'atMostOnce') this.#deps.journal.withdrawn(call.session, call.id);
    }
  }

  /** Runs a call and answers it. Never rejects. */
  async run(call: Call): Promise<void> {
    this.#finish(call, await this.#execute(call));
  }

  /** Like `run`, but with `fallback` (a result, JSON text) when there is no answer within `patienceMs`, or a fault. */
  async runOr(call: Call, patienceMs: number, fallback: () => string): Promise<void> {
    const patience = Promise.withResolvers<undefined>();
    const timer = this.#deps.clock.setTimer(patienceMs, () => patience.resolve(undefined));
    const outcome = await Promise.race([this.#execute(call), patience.promise]);
    timer.dispose();
    if (outcome?.kind === 'answer' || this.#open.get(call.id) !== call) {
      if (outcome !== undefined) this.#finish(call, outcome);
      return;
    }
    this.#close(call);
    call.controller.abort(
      new Fault('cancelled', 'The list was answered from memory.', { server: call.server }),
    );
    this.#deps.runtime.counters.ended({ kind: 'remembered' });
    const answer = resultAnswer(call.id, fallback());
    this.#deps.answer(call.id, answer);
    this.#deps.observations?.callEnded(call, 'remembered', answer);
    call.settled.resolve(undefined);
  }

  async #execute(call: Call): Promise<Outcome> {
    for (;;) {
      const connection = this.#deps.connection();
      if (connection === undefined) return noLaunch(call);
      const outcome = await this.#executeOn(call, connection);
      // Left behind by a connection that was replaced, because the settings want it otherwise: it goes on with the next one (requirements R2.5).
      const isLeftBehind =
        outcome.kind === 'fault' && outcome.fault.code === 'stopped' && call.delivery === 'queued';
      if (!isLeftBehind || call.controller.signal.aborted || this.#deps.connection() === connection)
        return outcome;
      call.wire = undefined;
    }
  }

  async #executeOn(call: Call, connection: ServerLink): Promise<Outcome> {
    // A first start may have to download; its own limit is another one.
    const resume = connection.isFirstStart ? this.#pauseUntilStarted(call, connection) : undefined;
    try {
      return await this.#pipeline(connection)(call);
    } catch (error) {
      // A bug of ours must not leave a client waiting.
      const text = `MCP Lifeline failed on a call to "${call.server}": ${error instanceof Error ? error.message : String(error)}`;
      this.#deps.log('error', error instanceof Error ? (error.stack ?? text) : text, call.server);
      return {
        kind: 'fault',
        fault: new Fault('protocolGarbage', text, { server: call.server, cause: error }),
      };
    } finally {
      resume?.();
    }
  }

  #pauseUntilStarted(call: Call, connection: ServerLink): () => void {
    call.deadline.pause();
    let paused = true;
    const coldWait = beginColdWait(call, connection, this.#deps.clock);
    const resume = (): void => {
      if (paused) call.deadline.resume();
      paused = false;
      coldWait.look(true);
      subscription.dispose();
    };
    const subscription = connection.onDidChange(() => {
      coldWait.look(false);
      if (!connection.isFirstStart) resume();
    });
    return resume;
  }

  /** What reads are answered with nothing since a restart (requirements R5.10). */
  get emptyAnswers(): EmptyAnswers {
    return this.#emptyAnswers;
  }

  /** Declared to change nothing, as far as is remembered: a process that has just started has not listed its tools yet. */
  #isRead(call: Call): boolean {
    if (call.retryClass === 'safe') return true;
    if (call.tool === undefined || call.isTask) return false;
    return this.#classOf(call, this.#deps.runtime.hints(this.#deps.catalogueKey(), call.tool)) === 'safe';
  }

  #finish(call: Call, outcome: Outcome): void {
    if (this.#open.get(call.id) === call) {
      this.#close(call);
      if (outcome.kind === 'answer') this.#deliver(call, outcome);
      else this.#fail(call, toldFault(call, outcome.fault));
    }
    call.settled.resolve(undefined);
    // When the client has its answer: nobody waits for this.
    this.#watchForEmptyAnswers(call, outcome);
  }

  #watchForEmptyAnswers(call: Call, outcome: Outcome): void {
    const emptied = this.#emptyAnswers.note(call, outcome, this.#isRead(call));
    if (emptied !== undefined) {
      const text = `"${emptied.slice(0, 256)}" was answered with something before the restart, and is answered with nothing now`;
      this.#deps.log('warn', text, call.server);
      this.#deps.runtime.touch();
    }
  }

  #deliver(call: Call, { line, isError, isStale }: Extract<Outcome, { kind: 'answer' }>): void {
    const { runtime, clock, observations } = this.#deps;
    if (isStale === true) {
      runtime.counters.ended({ kind: 'stale' });
      this.#deps.answer(call.id, line);
      observations?.callEnded(call, 'stale', line);
      return;
    }
    // The processes of a pool remember nothing that could be lost.
    const isNoteWanted = runtime.config?.lifeline.tellRestarts === true && runtime.processes <= 1;
    const told = call.method === 'tools/call' ? this.#restartNote.apply(call, line, isNoteWanted) : line;
    this.#deps.answer(call.id, told, this.#afterFlush(call));
    // Who is told finds it counted.
    runtime.noteAnsweredCall(clock.now() - call.startedAt, call);
    observations?.callEnded(call, isError ? 'error' : 'ok', line);
  }

  #fail(call: Call, told: Fault): void {
    const { runtime, redact } = this.#deps;
    const fault = told.inWords(redact);
    runtime.counters.ended({ kind: 'failed', fault });
    this.#deps.log(
      'warn',
      `call ${call.callId} (${call.tool ?? call.method}) failed after ${Math.round(this.#deps.clock.now() - call.startedAt)} ms: ${fault.code}: ${fault.message}`,
      runtime.name,
      ofKind(`call ${call.tool ?? call.method} failed: ${fault.code}`),
    );
    // A refusal tells of an earlier error, and must not hide it.
    if (!refusals.has(fault.code)) runtime.noteFailedCall(fault);
    const answer = faultAnswer(call, fault);
    this.#deps.answer(call.id, answer, this.#afterFlush(call));
    this.#deps.observations?.callEnded(call, fault.code, answer);
  }

  #afterFlush(call: Call): (() => void) | undefined {
    if (call.retryClass !== 'atMostOnce') return undefined;
    return () => this.#deps.journal.answered(call.session, call.id);
  }

  /**
   * A call that an earlier engine had: answered here when it may not be run again. Answers false when it may.
   */
  interrupted(call: Call, journalReliable: boolean): boolean {
    const entry = this.#deps.journal.find(call.session, call.id);
    const traceable = journalReliable && this.#deps.journal.inheritedCompletely;
    const isAtMostOnce = call.retryClass === 'atMostOnce';
    const untraced = !traceable && isAtMostOnce;
    if (entry === undefined && !untraced) {
      // Of what may be repeated the journal knows nothing, nor is known without a server what may be: perhaps it was handed over before.
      if (!isAtMostOnce || this.#deps.connection() === undefined) call.attempts = 1;
      return false;
    }
    this.#close(call);
    // So it was written, whatever is known of its tool by now; and so the journal must hear that it is answered.
    call.retryClass = 'atMostOnce';
    const callId = entry?.call.callId ?? call.callId;
    this.#fail(call, interruptedFault({ ...call, callId }, entry?.answered ?? false));
    call.settled.resolve(undefined);
    return true;
  }

  #onDeadline(call: Call): void {
    const seconds = Math.round(call.deadline.elapsedMs / 1_000);
    const connection = this.#deps.connection();
    call.controller.abort(timeoutFault(call, seconds, this.#deps.runtime.snapshot.sentence));
    // Slow or hung: one ping finds out.
    if (call.delivery !== 'queued') connection?.suspect(call);
  }

  /** The client cancels; `line` is its notification. No answer is expected any more. */
  cancel(id: string, line: Uint8Array): void {
    const call = this.#open.get(id);
    if (call === undefined) return;
    call.cancelLine = line;
    this.#drop(
      call,
      new Fault('cancelled', 'The client cancelled the request.', { server: call.server }),
      true,
    );
  }

  /**
   * Nobody is left to answer. `forGood`: the client is gone; otherwise the engine stops, and the client will present its calls to the next
   * one, which must know what had been written.
   */
  cancelAll(fault: Fault, forGood: boolean): void {
    for (const call of [...this.#open.values()]) this.#drop(call, fault, forGood);
  }

  #drop(call: Call, fault: Fault, forGood: boolean): void {
    this.#close(call);
    this.#deps.runtime.counters.ended({ kind: 'cancelled' });
    this.#deps.observations?.callEnded(call, fault.code, undefined);
    call.controller.abort(fault);
    if (forGood && call.retryClass === 'atMostOnce' && call.delivery !== 'queued') {
      this.#deps.journal.answered(call.session, call.id);
    }
    call.settled.resolve(undefined);
  }

  #close(call: Call): void {
    call.deadline.dispose();
    this.#open.delete(call.id);
  }

  /** The server waits for so many answers of the client, or of a person: nobody's time runs, and as many calls do not occupy it. */
  noteClientRequests(open: number): void {
    if (open > 0) for (const call of this.#open.values()) call.hasAsked ||= call.sentAt !== undefined;
    this.#places.noteClientRequests(open);
    this.#holdDeadlines(open > 0);
  }

  #holdDeadlines(hold: boolean): void {
    if (hold === this.#deadlinesHeld) return;
    this.#deadlinesHeld = hold;
    for (const call of this.#open.values()) {
      if (hold) call.deadline.pause();
      else call.deadline.resume();
    }
  }

  /** Notes progress, which extends the deadline. Answers whether the client should see it: never less than it has seen. */
  noteProgress(progressToken: string, progress: number): boolean {
    for (const call of this.#open.values()) {
      if (call.progressToken !== progressToken) continue;
      call.deadline.extend();
      if (call.attempts > 1 && progress <= call.highestProgress) return false;
      call.highestProgress = Math.max(call.highestProgress, progress);
    }
    return true;
  }
}

/** The ids of calls differ in every line. */
function ofKind(label: string): { readonly kind: string; readonly label: string } {
  return { kind: label, label };
}

function noLaunch(call: Call): Outcome {
  const text = `The MCP server "${call.server}" is not there any more; the call was not carried out.`;
  return { kind: 'fault', fault: new Fault('stopped', text, { server: call.server }) };
}

function progressTokenOf(line: Uint8Array, meta: ByteRange): string | undefined {
  const token = memberRange(line, meta, 'progressToken');
  return token === undefined ? undefined : canonicalId(textOf(line, token));
}
