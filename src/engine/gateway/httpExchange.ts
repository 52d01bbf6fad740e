import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { canonicalId, memberRange, textOf, type Frame } from '../../shared/protocol/frameScanner.ts';
import { errorAnswer } from '../../shared/protocol/answers.ts';
import type { Accepted } from './httpChecks.ts';
import { EventStream, type StreamTiming } from './httpStream.ts';
import type { Silence, Silences } from './silences.ts';

export interface ExchangeOptions {
  readonly response: ServerResponse;
  readonly accepted: Accepted;
  readonly timing: StreamTiming;
  /** The request, and what was read of it. */
  readonly line: Uint8Array;
  readonly frame: Extract<Frame, { kind: 'request' }>;
  /** For the head of the response. */
  readonly headers: OutgoingHttpHeaders;
  readonly server: string;
  /** Those of the session's requests. */
  readonly silences: Silences;
}

/** Below this, head and body of an answer are one text and one write. */
const JOIN_BELOW_BYTES = 16_384;

/**
 * One request over HTTP, from the body to its answer. Whether the response is JSON or an event stream is decided as late as possible: JSON
 * when the answer is all there is, a stream when something comes before it, or nothing comes for too long.
 */
export class Exchange {
  readonly #options: ExchangeOptions;
  readonly #onClosed: (exchange: Exchange) => void;
  #stream: EventStream | undefined;
  #silence: Silence | undefined;
  #settled = false;

  /** `onClosed` is called once, when the response is over, answered or not. */
  constructor(options: ExchangeOptions, onClosed: (exchange: Exchange) => void) {
    this.#options = options;
    this.#onClosed = onClosed;
    options.response.on('close', () => {
      this.#breakSilence();
      this.#onClosed(this);
    });
    if (options.accepted.eventStream)
      this.#silence = options.silences.begin(() => this.#openStream().comment());
  }

  #breakSilence(): void {
    if (this.#silence === undefined) return;
    this.#options.silences.end(this.#silence);
    this.#silence = undefined;
  }

  get id(): string {
    return this.#options.frame.id;
  }

  get method(): string {
    return this.#options.frame.method;
  }

  get response(): ServerResponse {
    return this.#options.response;
  }

  /** An answer has been given to it, or it needs none any more. */
  get isSettled(): boolean {
    return this.#settled;
  }

  /** Messages of the server can go out before the answer. */
  get canStream(): boolean {
    return this.#options.accepted.eventStream && !this.#settled;
  }

  /** Canonical JSON text of the request's progress token. Read when it is asked for: most requests are never asked. */
  get progressToken(): string | undefined {
    const { line, frame } = this.#options;
    const meta = frame.params === undefined ? undefined : memberRange(line, frame.params, '_meta');
    const token = meta === undefined ? undefined : memberRange(line, meta, 'progressToken');
    return token === undefined ? undefined : canonicalId(textOf(line, token));
  }

  #openStream(): EventStream {
    this.#breakSilence();
    const { response, timing, headers } = this.#options;
    this.#stream ??= new EventStream(response, timing, headers);
    return this.#stream;
  }

  /** A message of the server, before the answer. */
  send(message: Uint8Array | string): void {
    this.#openStream().send(message);
  }

  answer(message: Uint8Array | string, flushed?: () => void): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#breakSilence();
    const { response, headers, accepted } = this.#options;
    if (this.#stream !== undefined || !accepted.json) {
      this.#openStream().end(message, flushed);
      return;
    }
    const bytes = typeof message === 'string' ? Buffer.from(message) : asBuffer(message);
    response.writeHead(200, {
      ...headers,
      'content-type': 'application/json',
      'content-length': bytes.length,
    });
    // Every byte is one character of Latin-1: written as such text it stays what it is, and leaves with the head at once.
    if (bytes.length < JOIN_BELOW_BYTES) response.end(bytes.toString('latin1'), 'latin1', flushed);
    else response.end(bytes, flushed);
  }

  /** The client has cancelled the request: it waits for no answer, but its response has to end. */
  abandon(): void {
    if (this.#settled) return;
    if (this.canStream) {
      const stream = this.#openStream();
      this.#settled = true;
      stream.end();
      return;
    }
    const { frame, server } = this.#options;
    this.answer(errorAnswer(frame.id, { text: 'The request was cancelled.', code: 'cancelled', server }));
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
