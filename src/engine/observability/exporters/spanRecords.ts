/** One span as it is kept until it is sent: values only, nothing of the call's message. */
export interface SpanRecord {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly flags: number;
  readonly tracestate: string | undefined;
  /** The HTTP request of the client was part of another trace than its message (semantic conventions: a link). */
  readonly link: { readonly traceId: string; readonly spanId: string; readonly flags: number } | undefined;
  readonly kind: 'server' | 'client';
  /** Wall-clock milliseconds, with fractions. */
  readonly startMs: number;
  readonly endMs: number;
  readonly errorType: string | undefined;
  readonly server: string;
  readonly session: string;
  readonly method: string;
  readonly tool: string | undefined;
  readonly prompt: string | undefined;
  readonly callId: string;
  /** Of the client's span: the client's; of an attempt: absent. JSON text. */
  readonly requestId: string | undefined;
  /** Attempts so far; of an attempt: which one it was, beginning with 1. */
  readonly attempt: number;
  readonly outcome: string | undefined;
  /** Over HTTP, rather than through a bridge or to a process. */
  readonly isHttp: boolean;
  readonly endpoint: string | undefined;
}

/** Spans that wait to be sent, at most; what comes on top of them is dropped, and counted. */
export const MAX_QUEUED_SPANS = 2_048;

/** A bounded queue: the oldest leave first. */
export class SpanQueue {
  #records: SpanRecord[] = [];
  #dropped = 0;
  readonly #onFirst: () => void;

  /** `onFirst`: something waits now. */
  constructor(onFirst: () => void) {
    this.#onFirst = onFirst;
  }

  get size(): number {
    return this.#records.length;
  }

  /** How many found no place. */
  get dropped(): number {
    return this.#dropped;
  }

  push(record: SpanRecord): void {
    if (this.#records.length >= MAX_QUEUED_SPANS) {
      this.#dropped += 1;
      return;
    }
    if (this.#records.push(record) === 1) this.#onFirst();
  }

  take(count: number): SpanRecord[] {
    if (count >= this.#records.length) {
      const all = this.#records;
      this.#records = [];
      return all;
    }
    return this.#records.splice(0, count);
  }
}
