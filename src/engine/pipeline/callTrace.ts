import type { ByteRange } from '../../shared/protocol/frameScanner.ts';
import type { Call, Outcome } from './call.ts';

/** What a client's HTTP request says of its trace beside the message itself (W3C Trace Context, W3C Baggage); as it came. */
export interface ClientHeaders {
  readonly traceparent?: string;
  readonly tracestate?: string;
  readonly baggage?: string;
}

/** A call that has just been made of a request, and where in its message things stand. */
export interface BegunCall {
  readonly call: Call;
  readonly params: ByteRange | undefined;
  /** `params._meta`. */
  readonly meta: ByteRange | undefined;
  /** `params.name`: of the tool, or of the prompt. */
  readonly name: ByteRange | undefined;
  /** Of the HTTP request that brought it; absent for a bridge. */
  readonly headers: ClientHeaders | undefined;
}

/** Where an attempt goes. */
export interface AttemptTarget {
  /** The server's address; absent for a process. */
  readonly endpoint: string | undefined;
}

/** What telemetry keeps of one call (requirements R11.8). */
export interface CallTrace {
  /** It is about to be written: `line` is the message as it would be without telemetry. */
  attempt(line: Uint8Array, target: AttemptTarget): AttemptTrace;
  /** Is told what it has thrown itself; must not throw. */
  onError(error: unknown): void;
}

/** One time that a call is handed to a server. */
export interface AttemptTrace {
  /** What is written in the place of the message. */
  readonly line: Uint8Array;
  /** For a server over HTTP, beside those of every request. */
  readonly headers: Readonly<Record<string, string>> | undefined;
  ended(outcome: Outcome): void;
}

/** Makes traces of calls. */
export interface CallTracer {
  begin(begun: BegunCall): CallTrace;
}

/** Who has the tracer in use: while telemetry is off there is none, and nothing is done for it. */
export interface Tracing {
  readonly tracer: CallTracer | undefined;
  /** Is told what the tracer has thrown; must not throw. */
  onError(error: unknown): void;
}

// Whatever telemetry throws, the call goes on without it: in `send`, before a call is written and before its outcome is told, it would be a hang.

/** The trace of a call that has just begun; `undefined` where nothing is traced. */
export function beginTrace(tracing: Tracing | undefined, begun: BegunCall): CallTrace | undefined {
  try {
    return tracing?.tracer?.begin(begun);
  } catch (error) {
    tracing?.onError(error);
    return undefined;
  }
}

/** What is written in the place of `line`; `undefined`: the line itself. */
export function beginAttempt(
  trace: CallTrace | undefined,
  line: Uint8Array,
  target: AttemptTarget,
): AttemptTrace | undefined {
  try {
    return trace?.attempt(line, target);
  } catch (error) {
    trace?.onError(error);
    return undefined;
  }
}

export function endAttempt(
  trace: CallTrace | undefined,
  attempt: AttemptTrace | undefined,
  outcome: Outcome,
): void {
  try {
    attempt?.ended(outcome);
  } catch (error) {
    trace?.onError(error);
  }
}
