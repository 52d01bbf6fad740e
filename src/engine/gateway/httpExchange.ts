import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Disposable } from '../../shared/base/disposable.ts';
import { canonicalId, memberRange, textOf, type Frame } from '../../shared/protocol/frameScanner.ts';
import { errorAnswer, layerAnswer } from '../../shared/protocol/answers.ts';
import type { Accepted, Comeback } from './httpChecks.ts';
import type { EventLog } from './eventLog.ts';
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
  readonly log: EventLog;
  readonly comeback: Comeback;
}

export interface ExchangeListener {
  /** Its response was cut, and may be gone on with: it stays open for a while. */
  onCut(exchange: Exchange): void;
  /** Told once: it is answered and its response over, or its client has left. */
  onOver(exchange: Exchange): void;
  /** A response of it is over; there may be another one. */
  onClosed(response: ServerResponse): void;
}

/** Below this, head and body of an answer are one text and one write. */
const JOIN_BELOW_BYTES = 16_384;
/** A client whose stream was cut, and that has an id to come back with, is waited for so long; then it has left. */
const RESUME_GRACE_MS = 30_000;

/**
 * One request over HTTP, from the body to its answer. Whether the response is JSON or an event stream is decided as late as possible: JSON
 * when the answer is all there is, a stream when something comes before it, or nothing comes for too long.
 */
export class Exchange {
  readonly #options: ExchangeOptions;
  readonly #listener: ExchangeListener;
  #response: ServerResponse | undefined;
  #stream: EventStream | undefined;
  #silence: Silence | undefined;
  #grace: Disposable | undefined;
  #settled = false;
  #isOver = false;

  constructor(options: ExchangeOptions, listener: ExchangeListener) {
    this.#options = options;
    this.#listener = listener;
    this.#follow(options.response);
    if (options.accepted.eventStream)
      this.#silence = options.silences.begin(() => this.#openStream().comment());
  }

  #follow(response: ServerResponse): void {
    this.#response = response;
    response.on('close', () => {
      if (this.#response === response) this.#onCut();
      this.#listener.onClosed(response);
    });
  }

  #onCut(): void {
    this.#response = undefined;
    if (this.#settled || !this.#options.comeback.resumes || this.#stream?.isResumable !== true) {
      this.#over();
      return;
    }
    this.#grace = this.#options.timing.clock.setTimer(RESUME_GRACE_MS, () => this.#over());
    this.#listener.onCut(this);
  }

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#grace?.dispose();
    this.#breakSilence();
    this.#listener.onOver(this);
  }

  #breakSilence(): void {
    if (this.#silence === undefined) return;
    this.#options.silences.end(this.#silence);
    this.#silence = undefined;
  }

  /** The number of its event stream, where it has one. */
  get streamNumber(): number | undefined {
    return this.#stream?.number;
  }

  /** Its client has lost the connection, and may come back. */
  get isCut(): boolean {
    return this.#response === undefined && !this.#isOver;
  }

  /** The client has come back for what came after so many events of its stream. */
  resume(response: ServerResponse, after: number): void {
    this.#grace?.dispose();
    const before = this.#response;
    this.#follow(response);
    this.#stream?.attach(response, { after });
    // The client knows before we do that it was cut.
    before?.destroy();
  }

  get id(): string {
    return this.#options.frame.id;
  }

  get method(): string {
    return this.#options.frame.method;
  }

  /** Absent while it is cut, and when it is over. */
  get response(): ServerResponse | undefined {
    return this.#response;
  }

  /** An answer has been given to it, or it needs none any more. */
  get isSettled(): boolean {
    return this.#settled;
  }

  /** Messages of the server can go out before the answer. */
  get canStream(): boolean {
    return this.#options.accepted.eventStream && !this.#settled && this.#response !== undefined;
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
    if (this.#stream !== undefined) return this.#stream;
    const { timing, log, headers, comeback } = this.#options;
    this.#stream = new EventStream({ timing, log, number: log.nextStream() });
    if (this.#response !== undefined)
      this.#stream.attach(this.#response, { headers, primes: comeback.takesEmptyEvents });
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
    const { headers, accepted } = this.#options;
    const response = this.#response;
    if (this.#stream !== undefined || !accepted.json || response === undefined) {
      this.#openStream().end(message, flushed, () => this.#notKept);
      // Kept for a client that comes back; nothing more will come.
      if (response === undefined) this.#over();
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

  /** What a client that comes back for an answer is told when that was too large to be kept. */
  get #notKept(): string {
    const { id, method } = this;
    const { server } = this.#options;
    const isCall = method === 'tools/call';
    const what = isCall ? 'carried out the call' : 'answered';
    const text = `The MCP server "${server}" ${what}, but the connection was cut before the answer had come, and it is too large to be kept.`;
    return layerAnswer(method, id, { text, code: isCall ? 'outcomeUnknown' : 'connectionReset', server });
  }

  /** The client has cancelled the request: it waits for no answer, but its response has to end. */
  abandon(): void {
    if (this.#settled) return;
    if (this.canStream || this.isCut) {
      const stream = this.#openStream();
      this.#settled = true;
      stream.abandon();
      if (this.isCut) this.#over();
      return;
    }
    const { frame, server } = this.#options;
    this.answer(errorAnswer(frame.id, { text: 'The request was cancelled.', code: 'cancelled', server }));
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
