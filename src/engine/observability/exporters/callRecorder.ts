import { randomFillSync } from 'node:crypto';
import type { Clock } from '../../../shared/base/clock.ts';
import { parseString } from '../../../shared/protocol/frameScanner.ts';
import type { Call, Outcome } from '../../pipeline/call.ts';
import type {
  AttemptTarget,
  AttemptTrace,
  BegunCall,
  CallTrace,
  CallTracer,
  ClientHeaders,
} from '../../pipeline/callTrace.ts';
import type { CallOutcome, ObservedCall, Observer } from '../observations.ts';
import type { CallDurations } from './callDurations.ts';
import { errorTypeOf } from './errorType.ts';
import type { SpanQueue, SpanRecord } from './spanRecords.ts';
import {
  formatTraceparent,
  inject,
  isSampled,
  parseTraceparent,
  readMeta,
  usableBaggage,
  usableTracestate,
  type MetaContext,
  type TraceContext,
} from './traceContext.ts';

export interface CallRecorderOptions {
  readonly clock: Clock;
  readonly durations: CallDurations;
  /** Where spans go; absent when only metrics are exported. */
  readonly spans: SpanQueue | undefined;
  /** Share of the traces that begin here, 0 to 1. */
  readonly sampling: number;
  /** Is told what following a call has thrown. */
  readonly onError: (error: unknown) => void;
  /** For tests: at most so many begin here in a second. */
  readonly maxTraces?: number;
}

/** What stays the same over all attempts of a call, and what is the same for all spans of it. */
type Known = Pick<
  SpanRecord,
  'server' | 'session' | 'method' | 'tool' | 'prompt' | 'callId' | 'tracestate' | 'endMs'
>;

/** The trace that a call is part of, with the span that stands for the call here. */
interface Sampled {
  readonly own: TraceContext;
  readonly parentSpanId: string | undefined;
  readonly link: TraceContext | undefined;
  readonly tracestate: string | undefined;
  readonly baggage: string | undefined;
  /** The context came with the HTTP request: the server finds tracestate and baggage in its message only if they are put there. */
  readonly isFromHeaders: boolean;
  /** Turns monotonic into wall-clock milliseconds; the same for all spans of the call. */
  readonly wallOffsetMs: number;
}

const ROOT_FLAGS = 1;
/** Traces that begin here, in a second: writing and sending a call's spans costs more than the call itself, and at thousands a second nobody reads them. */
const MAX_TRACES_A_SECOND = 100;

/**
 * Follows calls: how long they and their attempts took, and, where the trace is sampled, a span for each (requirements R11.8). On the way of a call it only
 * notes values; whatever is made of them is made later, in batches.
 */
export class CallRecorder implements CallTracer, Observer {
  readonly #options: CallRecorderOptions;
  #second = -Infinity;
  #begunInSecond = 0;

  constructor(options: CallRecorderOptions) {
    this.#options = options;
  }

  begin(begun: BegunCall): CallTrace {
    const sampled = this.#sample(begun);
    return sampled === undefined
      ? new MeasuredCall(this.#options, begun.call)
      : new RecordedCall(this.#options, begun, sampled);
  }

  onCall(call: ObservedCall, outcome: CallOutcome): void {
    const { clock, durations } = this.#options;
    const { trace } = call;
    const hasFailed = outcome !== 'ok' && outcome !== 'stale' && outcome !== 'remembered';
    const followed = trace instanceof FollowedCall ? trace : undefined;
    // What the server answered is known from the attempt.
    const errorType =
      outcome === 'ok' || outcome === 'error' ? followed?.lastErrorType : hasFailed ? outcome : undefined;
    durations.add('server', call, errorType, clock.now() - call.startedAt);
    if (followed instanceof RecordedCall) followed.over(call, outcome, errorType);
  }

  /** Whether a trace may still begin in the second of `now`. */
  #hasRoom(now: number): boolean {
    if (now - this.#second >= 1_000) {
      this.#second = now;
      this.#begunInSecond = 0;
    }
    return this.#begunInSecond < (this.#options.maxTraces ?? MAX_TRACES_A_SECOND);
  }

  /** The id of a trace that begins here with this call; `undefined` where none does. At full load that is nearly always so, and costs a comparison. */
  #newTrace({ startedAt }: Call): string | undefined {
    const { sampling } = this.#options;
    if (sampling <= 0 || !this.#hasRoom(startedAt)) return undefined;
    const traceId = newId(16);
    if (!isWithin(traceId, sampling)) return undefined;
    this.#begunInSecond += 1;
    return traceId;
  }

  #sample({ call, meta, headers }: BegunCall): Sampled | undefined {
    const { spans, clock } = this.#options;
    if (spans === undefined) return undefined;
    if (meta === undefined && headers === undefined) {
      const begun = this.#newTrace(call);
      return begun === undefined ? undefined : rootOf(begun, clock);
    }
    const told = readMeta(call.line, meta);
    const inMessage = parseTraceparent(told.traceparent);
    const inHeaders = parseTraceparent(headers?.traceparent);
    const parent = inMessage ?? inHeaders;
    if (parent !== undefined && !isSampled(parent)) return undefined;
    if (parent === undefined) {
      const begun = this.#newTrace(call);
      return begun === undefined ? undefined : rootOf(begun, clock);
    }
    const isFromHeaders = inMessage === undefined;
    return {
      own: { traceId: parent.traceId, spanId: newId(8), flags: parent.flags },
      parentSpanId: parent.spanId,
      link: inMessage !== undefined && isOther(inHeaders, inMessage) ? inHeaders : undefined,
      ...carried(isFromHeaders ? headers : told),
      isFromHeaders,
      wallOffsetMs: clock.wallNow() - clock.now(),
    };
  }
}

/** Of a trace that begins here. */
function rootOf(traceId: string, clock: Clock): Sampled {
  return {
    own: { traceId, spanId: newId(8), flags: ROOT_FLAGS },
    parentSpanId: undefined,
    link: undefined,
    tracestate: undefined,
    baggage: undefined,
    isFromHeaders: false,
    wallOffsetMs: clock.wallNow() - clock.now(),
  };
}

/** What goes along with a context, as far as it can be passed on. */
function carried(from: ClientHeaders | MetaContext | undefined): Pick<Sampled, 'tracestate' | 'baggage'> {
  return { tracestate: usableTracestate(from?.tracestate), baggage: usableBaggage(from?.baggage) };
}

function isOther(one: TraceContext | undefined, other: TraceContext): one is TraceContext {
  return one !== undefined && (one.traceId !== other.traceId || one.spanId !== other.spanId);
}

/** The last 56 bits of an id decide (OpenTelemetry, TraceIdRatioBased): everyone who sees the trace decides the same. */
function isWithin(traceId: string, ratio: number): boolean {
  return ratio >= 1 || Number.parseInt(traceId.slice(-14), 16) / 2 ** 56 < ratio;
}

/** Random bytes are cheap by the thousand. */
const pool = Buffer.alloc(4_096);
let used = pool.length;

function newId(bytes: 8 | 16): string {
  for (;;) {
    if (used + bytes > pool.length) {
      randomFillSync(pool);
      used = 0;
    }
    const id = pool.toString('hex', used, (used += bytes));
    if (/[^0]/.test(id)) return id;
  }
}

/** What is done for every call: how long it and its attempts took is counted. */
class FollowedCall {
  protected readonly options: CallRecorderOptions;
  protected readonly call: Call;
  /** Of the last attempt that ended. */
  lastErrorType: string | undefined;

  constructor(options: CallRecorderOptions, call: Call) {
    this.options = options;
    this.call = call;
  }

  onError(error: unknown): void {
    this.options.onError(error);
  }

  /** An attempt has ended; answers its `error.type`. */
  attemptEnded(startedAt: number, outcome: Outcome): string | undefined {
    const { clock, durations } = this.options;
    const errorType = errorTypeOf(outcome);
    this.lastErrorType = errorType;
    durations.add('client', this.call, errorType, clock.now() - startedAt);
    return errorType;
  }
}

/** A call that is part of no trace that is recorded. */
class MeasuredCall extends FollowedCall implements CallTrace {
  attempt(line: Uint8Array): AttemptTrace {
    return new MeasuredAttempt(this, line, this.options.clock.now());
  }
}

class MeasuredAttempt implements AttemptTrace {
  readonly #of: FollowedCall;
  readonly #startedAt: number;
  readonly line: Uint8Array;
  readonly headers: undefined;

  constructor(of: FollowedCall, line: Uint8Array, startedAt: number) {
    this.#of = of;
    this.line = line;
    this.#startedAt = startedAt;
  }

  ended(outcome: Outcome): void {
    this.#of.attemptEnded(this.#startedAt, outcome);
  }
}

/** A call whose trace is sampled: it has a span, and each of its attempts. */
class RecordedCall extends FollowedCall implements CallTrace {
  readonly #sampled: Sampled;
  readonly #prompt: string | undefined;
  readonly #isHttp: boolean;
  #attempts = 0;

  constructor(options: CallRecorderOptions, { call, name, headers }: BegunCall, sampled: Sampled) {
    super(options, call);
    this.#sampled = sampled;
    this.#prompt = call.method === 'prompts/get' ? parseString(call.line, name) : undefined;
    this.#isHttp = headers !== undefined;
  }

  attempt(line: Uint8Array, { endpoint }: AttemptTarget): AttemptTrace {
    this.#attempts += 1;
    const number = this.#attempts;
    const startedAt = this.options.clock.now();
    const sampled = this.#sampled;
    const context: TraceContext = { ...sampled.own, spanId: newId(8) };
    const traceparent = formatTraceparent(context);
    const beside = {
      ...(sampled.tracestate === undefined ? {} : { tracestate: sampled.tracestate }),
      ...(sampled.baggage === undefined ? {} : { baggage: sampled.baggage }),
    };
    return {
      line: inject(line, { traceparent, ...(sampled.isFromHeaders ? beside : {}) }),
      headers: endpoint === undefined ? undefined : { traceparent, ...beside },
      ended: (outcome) => {
        const errorType = this.attemptEnded(startedAt, outcome);
        this.#push({
          ...context,
          parentSpanId: sampled.own.spanId,
          link: undefined,
          kind: 'client',
          startMs: startedAt + sampled.wallOffsetMs,
          errorType,
          requestId: undefined,
          attempt: number,
          outcome: undefined,
          isHttp: endpoint !== undefined,
          endpoint,
        });
      },
    };
  }

  /** The client has been answered. */
  over({ startedAt }: ObservedCall, outcome: CallOutcome, errorType: string | undefined): void {
    const { own, parentSpanId, link, wallOffsetMs } = this.#sampled;
    this.#push({
      ...own,
      parentSpanId,
      link,
      kind: 'server',
      startMs: startedAt + wallOffsetMs,
      errorType,
      requestId: this.call.id,
      attempt: this.#attempts,
      outcome,
      isHttp: this.#isHttp,
      endpoint: undefined,
    });
  }

  #push(span: Omit<SpanRecord, keyof Known>): void {
    const { server, session, method, tool, callId } = this.call;
    const { wallOffsetMs, tracestate } = this.#sampled;
    const endMs = this.options.clock.now() + wallOffsetMs;
    const known = { server, session, method, tool, prompt: this.#prompt, callId, tracestate, endMs };
    this.options.spans?.push({ ...known, ...span });
  }
}
