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
  /** For tests: at most so many begin here in a second. */
  readonly maxTraces?: number;
}

/** What stays the same over all attempts of a call. */
type Known = Pick<SpanRecord, 'server' | 'session' | 'method' | 'tool' | 'prompt' | 'callId'>;

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
    return new FollowedCall(this.#options, begun, this.#sample(begun));
  }

  onCall(call: ObservedCall, outcome: CallOutcome): void {
    const { clock, durations } = this.#options;
    const { trace } = call;
    const hasFailed = outcome !== 'ok' && outcome !== 'stale' && outcome !== 'remembered';
    const followed = trace instanceof FollowedCall ? trace : undefined;
    // What the server answered is known from the attempt.
    const errorType =
      outcome === 'ok' || outcome === 'error' ? followed?.lastErrorType : hasFailed ? outcome : undefined;
    durations.add('server', { ...labelsOf(call), errorType }, clock.now() - call.startedAt);
    followed?.ended(call, outcome, errorType);
  }

  #mayBegin(): boolean {
    const { clock, maxTraces = MAX_TRACES_A_SECOND } = this.#options;
    const now = clock.now();
    if (now - this.#second >= 1_000) {
      this.#second = now;
      this.#begunInSecond = 0;
    }
    this.#begunInSecond += 1;
    return this.#begunInSecond <= maxTraces;
  }

  #sample({ call, meta, headers }: BegunCall): Sampled | undefined {
    const { spans, sampling, clock } = this.#options;
    if (spans === undefined) return undefined;
    const told = readMeta(call.line, meta);
    const inMessage = parseTraceparent(told.traceparent);
    const inHeaders = parseTraceparent(headers?.traceparent);
    const parent = inMessage ?? inHeaders;
    if (parent !== undefined && !isSampled(parent)) return undefined;
    const traceId = parent?.traceId ?? newId(16);
    if (parent === undefined && !(isWithin(traceId, sampling) && this.#mayBegin())) return undefined;
    const isFromHeaders = inMessage === undefined && inHeaders !== undefined;
    return {
      own: { traceId, spanId: newId(8), flags: parent?.flags ?? ROOT_FLAGS },
      parentSpanId: parent?.spanId,
      link: inMessage !== undefined && isOther(inHeaders, inMessage) ? inHeaders : undefined,
      ...carried(isFromHeaders ? headers : parent === undefined ? undefined : told),
      isFromHeaders,
      wallOffsetMs: clock.wallNow() - clock.now(),
    };
  }
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

function labelsOf({
  server,
  method,
  tool,
}: Pick<Call, 'server' | 'method' | 'tool'>): Pick<Known, 'server' | 'method' | 'tool'> {
  return { server, method, tool };
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

class FollowedCall implements CallTrace {
  readonly #options: CallRecorderOptions;
  readonly #known: Known;
  readonly #sampled: Sampled | undefined;
  readonly #requestId: string;
  readonly #isHttp: boolean;
  #attempts = 0;
  /** Of the last attempt that ended. */
  lastErrorType: string | undefined;

  constructor(
    options: CallRecorderOptions,
    { call, name, headers }: BegunCall,
    sampled: Sampled | undefined,
  ) {
    const { server, session, method, tool, callId } = call;
    this.#options = options;
    this.#sampled = sampled;
    const prompt =
      sampled !== undefined && method === 'prompts/get' ? parseString(call.line, name) : undefined;
    this.#known = { server, session, method, tool, prompt, callId };
    this.#requestId = call.id;
    this.#isHttp = headers !== undefined;
  }

  attempt(line: Uint8Array, { endpoint }: AttemptTarget): AttemptTrace {
    this.#attempts += 1;
    const { clock } = this.#options;
    const number = this.#attempts;
    const startedAt = clock.now();
    const sampled = this.#sampled;
    if (sampled === undefined)
      return { line, headers: undefined, ended: (outcome) => this.#attemptEnded(startedAt, outcome) };
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
        const errorType = this.#attemptEnded(startedAt, outcome);
        this.#push(sampled, {
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

  #attemptEnded(startedAt: number, outcome: Outcome): string | undefined {
    const { clock, durations } = this.#options;
    const errorType = errorTypeOf(outcome);
    this.lastErrorType = errorType;
    durations.add('client', { ...labelsOf(this.#known), errorType }, clock.now() - startedAt);
    return errorType;
  }

  ended({ startedAt }: ObservedCall, outcome: CallOutcome, errorType: string | undefined): void {
    const sampled = this.#sampled;
    if (sampled === undefined) return;
    this.#push(sampled, {
      ...sampled.own,
      parentSpanId: sampled.parentSpanId,
      link: sampled.link,
      kind: 'server',
      startMs: startedAt + sampled.wallOffsetMs,
      errorType,
      requestId: this.#requestId,
      attempt: this.#attempts,
      outcome,
      isHttp: this.#isHttp,
      endpoint: undefined,
    });
  }

  #push(
    { wallOffsetMs, tracestate }: Sampled,
    span: Omit<SpanRecord, keyof Known | 'endMs' | 'tracestate'>,
  ): void {
    const endMs = this.#options.clock.now() + wallOffsetMs;
    this.#options.spans?.push({ ...this.#known, ...span, endMs, tracestate });
  }
}
