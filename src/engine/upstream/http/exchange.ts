import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import type { Redactor } from '../../../shared/redaction/redactor.ts';
import type { Clock } from '../../../shared/base/clock.ts';
import type { Disposable } from '../../../shared/base/disposable.ts';
import { Fault } from '../../../shared/model/fault.ts';
import { memberRange, scanFrame, textOf } from '../../../shared/protocol/frameScanner.ts';
import { Decoder, decodingOf } from './decoding.ts';
import { networkFailure, parseRetryAfter, statusFailure, type HttpFailure } from './httpFaults.ts';
import type { Lease } from './httpPool.ts';
import { Pieces } from './pieces.ts';
import { SseParser } from './sseParser.ts';

export interface ExchangeOptions {
  readonly server: string;
  readonly origin: string;
  readonly method: 'POST' | 'GET' | 'DELETE';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
  /** The answer must hold a message; otherwise its body is of no interest. */
  readonly expectsMessage: boolean;
  /** The request (canonical id) whose answer a refusal may hold. */
  readonly answers?: string;
  readonly hasSession: boolean;
  readonly lease: Lease;
  readonly clock: Clock;
  readonly redactor?: Pick<Redactor, 'redactCut'> | undefined;
  /** Idle time inside an unfinished body or event; not before it has begun. */
  readonly readTimeoutMs: number;
  readonly maxMessageBytes: number;
}

export type ExchangeEnd =
  /** The answer came to its regular end. */
  | { readonly kind: 'complete'; readonly status: number | undefined }
  | { readonly kind: 'redirected'; readonly path: string; readonly isPermanent: boolean }
  | ({ readonly kind: 'failed'; readonly status: number | undefined } & HttpFailure);

export interface ExchangeListener {
  /** The server has taken the request: the head of a good answer is there. */
  onAccepted(headers: IncomingHttpHeaders): void;
  /** A message, on one line. */
  onMessage(line: Uint8Array): void;
  onEventId(id: string): void;
  onRetryDelay(delayMs: number): void;
  onTooLong(sizeBytes: number, head: Uint8Array): void;
  /** Told once, unless it was aborted first. */
  onEnd(end: ExchangeEnd): void;
}

/** What of a refusal's body is read, and of a body that is of no interest: it is read to its end only to use the connection again. */
const MAX_REFUSAL_BYTES = 65_536;
/** How long the end of a body of no interest is waited for. */
const UNREAD_IDLE_MS = 1_000;
/** These say by themselves what to do (sign in, wait); an error of JSON-RPC with them only says it again. */
const plainRefusals = new Set([401, 403, 429]);
/** MCP has no code for "no such session"; SDKs and servers take one of these, with 404 or 400. */
const codesForLostSession = new Set(['-32000', '-32001', '-32600']);

type Body =
  | { readonly kind: 'ignored'; sizeBytes: number }
  | { readonly kind: 'json'; readonly pieces: Pieces }
  | { readonly kind: 'events'; readonly parser: SseParser }
  | { readonly kind: 'refusal'; readonly pieces: Pieces };

/** One HTTP request and its answer, whatever form that has. */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #options: ExchangeOptions;
  readonly #listener: ExchangeListener;
  #controller: Dispatcher.DispatchController | undefined;
  #began = false;
  #ended = false;
  #paused = false;
  #status: number | undefined;
  #headers: IncomingHttpHeaders = {};
  #body: Body = { kind: 'ignored', sizeBytes: 0 };
  #lastByteAt = 0;
  #idleTimer: Disposable | undefined;
  #isAtEnd = false;
  #decoder: Decoder | undefined;
  #isFull = false;
  #willWatch = false;

  constructor(options: ExchangeOptions, listener: ExchangeListener) {
    this.#options = options;
    this.#listener = listener;
    const { lease, method, path, headers, body } = options;
    try {
      lease.dispatcher.dispatch({ method, path, headers, body: body ?? null }, this);
    } catch (error) {
      process.nextTick(() => this.#failWith(error));
    }
  }

  /** All of the answer has come, and its end is about to be told. */
  get isAtEnd(): boolean {
    return this.#isAtEnd;
  }

  /** Drops the connection; nothing more is told. */
  abort(): void {
    this.#finish(undefined, false);
  }

  pause(): void {
    this.#paused = true;
    this.#controller?.pause();
    this.#decoder?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#lastByteAt = this.#options.clock.now();
    this.#decoder?.resume();
    if (!this.#isFull) this.#controller?.resume();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#began = true;
    this.#controller = controller;
    if (this.#paused) controller.pause();
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    // The library shows interim answers (1xx) too.
    if (this.#ended || status < 200) return;
    this.#status = status;
    this.#headers = headers;
    if (status === 307 || status === 308) {
      const path = this.#sameOriginPath(this.#header('location'));
      if (path !== undefined) {
        this.#finish({ kind: 'redirected', path, isPermanent: status === 308 }, false);
        return;
      }
    }
    if (status < 200 || status > 299) {
      this.#body = { kind: 'refusal', pieces: new Pieces() };
      if (this.#chooseDecoder()) this.#noteBytes();
      return;
    }
    if (!this.#chooseBody(this.#contentType) || !this.#chooseDecoder()) return;
    this.#listener.onAccepted(headers);
    if (this.#body.kind === 'ignored' || !this.#options.expectsMessage) this.#noteBytes();
  }

  /** The library gives a list of what comes twice, whatever its types say; proxies like to add what is there already. */
  #header(name: string): string | undefined {
    const value = this.#headers[name];
    return Array.isArray(value) ? value[0] : value;
  }

  get #contentType(): string {
    return (this.#header('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  }

  /** Answers whether the body is one that can be read. */
  #chooseBody(type: string): boolean {
    const { maxMessageBytes, expectsMessage, server } = this.#options;
    if (type === 'text/event-stream') {
      const parser = new SseParser(maxMessageBytes, {
        onData: (data) => this.#listener.onMessage(data),
        onId: (id) => this.#listener.onEventId(id),
        onRetry: (delayMs) => this.#listener.onRetryDelay(delayMs),
        onTooLong: (size, head) => {
          this.#listener.onTooLong(size, head);
          // What is small on its way may go on for ever here.
          if (this.#decoder !== undefined) this.#failDecoding('that becomes too long when it is decoded');
        },
      });
      this.#body = { kind: 'events', parser };
    } else if (!expectsMessage || this.#status === 202 || this.#status === 204) {
      this.#body = { kind: 'ignored', sizeBytes: 0 };
    } else if (type === 'application/json') {
      this.#body = { kind: 'json', pieces: new Pieces() };
    } else {
      const what = type === '' ? 'no content type' : `"${type.slice(0, 100)}"`;
      const text = `The MCP server "${server}" answered with ${what} instead of JSON: check "url" in its settings.`;
      this.#fail({ fault: new Fault('protocolGarbage', text, { server }), delivered: 'unknown' });
      return false;
    }
    return true;
  }

  /** Answers whether the body can be decoded, or need not be. */
  #chooseDecoder(): boolean {
    if (this.#body.kind === 'ignored') return true;
    const encoding = this.#header('content-encoding');
    const decoding = decodingOf(encoding);
    if (decoding === 'identity') return true;
    if (decoding === undefined) {
      this.#failDecoding(`encoded as "${(encoding ?? '').slice(0, 100)}", which was not asked for`);
      return false;
    }
    this.#decoder = new Decoder(decoding(), {
      onData: (chunk) => this.#take(chunk),
      onFull: (isFull) => {
        this.#isFull = isFull;
        if (isFull) this.#controller?.pause();
        else if (!this.#paused) this.#controller?.resume();
      },
      onError: (error: NodeJS.ErrnoException) => {
        // A stream of events may end wherever it has got to, and is gone on with like one that is not compressed.
        const isEndMissing = this.#body.kind === 'events' && error.code === 'Z_BUF_ERROR';
        if (isEndMissing) this.#onWhole();
        else this.#failDecoding(`that cannot be decoded (${error.message.slice(0, 100)})`);
      },
    });
    if (this.#paused) this.#decoder.pause();
    return true;
  }

  #failDecoding(what: string): void {
    if (this.#body.kind === 'refusal' && this.#endEarly()) return;
    const { server } = this.#options;
    const text = `The MCP server "${server}" gave an answer ${what}.`;
    this.#fail({ fault: new Fault('protocolGarbage', text, { server }), delivered: 'unknown' });
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#ended) return;
    if (this.#decoder === undefined) this.#take(chunk);
    else {
      this.#decoder.write(chunk);
      this.#noteBytes();
    }
  }

  #take(chunk: Uint8Array): void {
    if (this.#ended) return;
    const body = this.#body;
    switch (body.kind) {
      case 'ignored':
        body.sizeBytes += chunk.length;
        if (body.sizeBytes > MAX_REFUSAL_BYTES)
          this.#finish({ kind: 'complete', status: this.#status }, false);
        break;
      case 'events':
        body.parser.push(chunk);
        break;
      case 'json':
        body.pieces.push(chunk);
        if (body.pieces.sizeBytes > this.#options.maxMessageBytes) this.#failTooLong(body.pieces);
        break;
      case 'refusal':
        if (body.pieces.sizeBytes + chunk.length <= MAX_REFUSAL_BYTES) body.pieces.push(chunk);
        else this.#refuse(body.pieces, false);
    }
    this.#noteBytes();
  }

  #failTooLong(pieces: Pieces): void {
    const { server } = this.#options;
    this.#listener.onTooLong(pieces.sizeBytes, pieces.head(4_096));
    const text = `The MCP server "${server}" gave an answer over the limit of ${this.#options.maxMessageBytes} bytes; it was dropped.`;
    this.#fail({ fault: new Fault('protocolGarbage', text, { server }), delivered: 'unknown' });
  }

  onResponseEnd(): void {
    if (this.#ended) return;
    if (this.#decoder === undefined) this.#onWhole();
    else this.#decoder.end(() => this.#onWhole());
  }

  #onWhole(): void {
    if (this.#ended) return;
    this.#isAtEnd = true;
    const body = this.#body;
    if (body.kind === 'refusal') {
      this.#refuse(body.pieces, true);
      return;
    }
    if (body.kind === 'json' && body.pieces.sizeBytes > 0) this.#listener.onMessage(onOneLine(body.pieces));
    this.#finish({ kind: 'complete', status: this.#status }, true);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    // What had come before is decoded first: the answer may be among it.
    if (this.#decoder === undefined || this.#ended) this.#onCut(error);
    else this.#decoder.cut(() => this.#onCut(error));
  }

  #onCut(error: unknown): void {
    if (!this.#ended && this.#endEarly()) return;
    this.#failWith(error);
  }

  /** The rest of the body will not come. Answers whether its status had said all that matters. */
  #endEarly(): boolean {
    const body = this.#body;
    if (body.kind === 'refusal') this.#refuse(body.pieces, false);
    else if (this.#status !== undefined && (body.kind === 'ignored' || !this.#options.expectsMessage))
      this.#finish({ kind: 'complete', status: this.#status }, false);
    else return false;
    return true;
  }

  /** An answer that is none of 2xx. It may still be the answer of MCP to this very request. */
  #refuse(pieces: Pieces, reusable: boolean): void {
    const body = onOneLine(pieces);
    const { server, clock, hasSession } = this.#options;
    if (this.#isAnswer(body)) {
      this.#listener.onMessage(body);
      this.#finish({ kind: 'complete', status: this.#status }, reusable);
      return;
    }
    const location = this.#header('location');
    this.#fail(
      statusFailure({
        server,
        status: this.#status ?? 0,
        contentType: this.#contentType,
        location,
        retryAfterMs: parseRetryAfter(this.#header('retry-after'), clock.wallNow()),
        body,
        hasSession,
        redactor: this.#options.redactor,
      }),
    );
  }

  /** Whether a refusal's body is what MCP answers to this very request, rather than a refusal of HTTP in the words of JSON-RPC. */
  #isAnswer(body: Uint8Array): boolean {
    const { answers, hasSession } = this.#options;
    const status = this.#status ?? 0;
    if (answers === undefined || plainRefusals.has(status)) return false;
    if (this.#contentType !== 'application/json') return false;
    const frame = scanFrame(body);
    // The Python SDK refuses with an id of its own, "server-error".
    if (frame.kind !== 'response' || frame.id !== answers) return false;
    if (!hasSession || (status !== 404 && status !== 400)) return true;
    const error = memberRange(body, { start: 0, end: body.length }, 'error');
    const code = error === undefined ? undefined : memberRange(body, error, 'code');
    return code === undefined || !codesForLostSession.has(textOf(body, code));
  }

  /** The path to go on with, when the server sends us on within itself (`/mcp` to `/mcp/` is common). */
  #sameOriginPath(location: string | undefined): string | undefined {
    const { origin, path } = this.#options;
    const base = new URL(path, origin).href;
    if (location === undefined || !URL.canParse(location, base)) return undefined;
    const target = new URL(location, base);
    return target.origin === origin ? `${target.pathname}${target.search}` : undefined;
  }

  #noteBytes(): void {
    if (this.#ended) return;
    this.#lastByteAt = this.#options.clock.now();
    if (this.#idleTimer !== undefined || this.#willWatch || !this.#isWithinBody) return;
    // Most answers are over within the chunk that they began in, and need no timer.
    this.#willWatch = true;
    process.nextTick(watchSoon, this);
  }

  /** Part of `watchSoon`. */
  watch(): void {
    this.#willWatch = false;
    if (!this.#ended && this.#idleTimer === undefined && this.#isWithinBody) this.#watchIdle(this.#maxIdleMs);
  }

  get #maxIdleMs(): number {
    const { readTimeoutMs } = this.#options;
    return this.#body.kind === 'ignored' ? Math.min(UNREAD_IDLE_MS, readTimeoutMs) : readTimeoutMs;
  }

  get #isWithinBody(): boolean {
    const body = this.#body;
    // A stream that answers nothing has no reason to stay.
    return body.kind !== 'events' || body.parser.isWithinEvent || !this.#options.expectsMessage;
  }

  #watchIdle(waitMs: number): void {
    const { clock, readTimeoutMs, server } = this.#options;
    this.#idleTimer = clock.setTimer(waitMs, () => {
      this.#idleTimer = undefined;
      if (this.#ended || !this.#isWithinBody) return;
      const idleMs = clock.now() - this.#lastByteAt;
      const maxIdleMs = this.#maxIdleMs;
      if (this.#paused || idleMs < maxIdleMs) {
        this.#watchIdle(this.#paused ? maxIdleMs : maxIdleMs - idleMs);
        return;
      }
      if (this.#endEarly()) return;
      const text = `The MCP server "${server}" stopped in the middle of an answer: nothing came for ${Math.round(readTimeoutMs / 1_000)} s.`;
      this.#fail({ fault: new Fault('readTimeout', text, { server }), delivered: 'unknown' });
    });
  }

  #failWith(error: unknown): void {
    const { server, origin } = this.#options;
    this.#fail(networkFailure(server, new URL(origin).host, error, this.#began));
  }

  #fail(failure: HttpFailure): void {
    this.#finish({ kind: 'failed', status: this.#status, ...failure }, false);
  }

  #finish(end: ExchangeEnd | undefined, reusable: boolean): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#idleTimer?.dispose();
    this.#decoder?.destroy();
    this.#body = { kind: 'ignored', sizeBytes: 0 };
    // A refusal with its body read is a regular end, but not worth a special case.
    const { lease } = this.#options;
    // The library still works on this exchange; its connection is free a moment later.
    if (reusable) process.nextTick(() => lease.release(true));
    else lease.release(false);
    if (end !== undefined) this.#listener.onEnd(end);
  }
}

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

function watchSoon(exchange: Exchange): void {
  exchange.watch();
}

/** The pieces as one line: line ends stand only between tokens in JSON, where a blank is as good. A copy only where something is changed. */
function onOneLine(pieces: Pieces): Uint8Array {
  const whole = pieces.join();
  // RFC 8259 §8.1: it must not be sent, and may be overlooked.
  const isMarked = BYTE_ORDER_MARK.every((byte, index) => whole[index] === byte);
  if (!isMarked && !whole.includes(LINE_FEED) && !whole.includes(CARRIAGE_RETURN)) return whole;
  const line = Uint8Array.from(whole);
  if (isMarked) line.fill(SPACE, 0, BYTE_ORDER_MARK.length);
  for (const lineEnd of [LINE_FEED, CARRIAGE_RETURN]) {
    for (let at = line.indexOf(lineEnd); at >= 0; at = line.indexOf(lineEnd, at + 1)) line[at] = SPACE;
  }
  return line;
}
