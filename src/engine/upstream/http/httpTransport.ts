import type { IncomingHttpHeaders } from 'node:http';
import type { Redactor } from '../../../shared/redaction/redactor.ts';
import type { Clock } from '../../../shared/base/clock.ts';
import type { Disposable } from '../../../shared/base/disposable.ts';
import { SlotMap } from '../../../shared/base/slotMap.ts';
import { Fault } from '../../../shared/model/fault.ts';
import {
  defaultStopGrace,
  type OutgoingRequest,
  type StopGrace,
  type Transport,
  type TransportListener,
  type Verdict,
} from '../transport.ts';
import { ACCEPTED_ENCODINGS, asksForCompression } from './decoding.ts';
import { Exchange, type ExchangeEnd, type ExchangeListener } from './exchange.ts';
import type { HttpPool } from './httpPool.ts';

export interface HttpTransportOptions {
  readonly server: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly clock: Clock;
  /** Knows the secrets that must not be told of what the server says. */
  readonly redactor?: Redactor | undefined;
  readonly readTimeoutMs: () => number;
  readonly maxMessageBytes: number;
  /** The server's connections; shared by its sessions. */
  readonly pool: Promise<HttpPool>;
}

/** A request under way. */
interface Flight {
  readonly request: OutgoingRequest;
  readonly settled: (verdict: Verdict) => void;
  exchange: Exchange | undefined;
  lastEventId: string | undefined;
  retryDelayMs: number | undefined;
  /** The answer's stream was cut: from now on it is asked for, and the request itself never sent again. */
  isResuming: boolean;
  /** Attempts to resume that failed in a row. */
  failedResumes: number;
  timer: Disposable | undefined;
  /** It has its answer, or nobody waits for it. */
  released: boolean;
}

const ACCEPT_MESSAGE = 'application/json, text/event-stream';
const MAX_REDIRECTS = 3;
/** A stream that is cut is resumed this often without anything new coming. */
const MAX_RESUMES = 5;
/** Unless the server says otherwise (`retry:`); WHATWG HTML §9.2.3 lets the client choose "a few seconds". */
const RESUME_DELAY_MS = 1_000;
const MAX_RESUME_DELAY_MS = 30_000;
/** A server that asks for no delay at all (`retry: 0`) would be asked as fast as it can end its streams. */
const MIN_RESUME_DELAY_MS = 100;
/** Refusals of the moment; 409: the server has not noticed yet that the stream before was cut. */
const passing = new Set([408, 409, 425, 429]);
/** After its answer a stream is given this long to end by itself, so that its connection can be used again. */
const AFTERGLOW_MS = 1_000;
/** The server is told that its session ends, but not waited for longer. */
const FAREWELL_MS = 1_000;
const limited = (delayMs: number): number =>
  Math.min(MAX_RESUME_DELAY_MS, Math.max(MIN_RESUME_DELAY_MS, delayMs));
/** An event's id may be any text, a header's bytes may not (WHATWG HTML §9.2.4 sends UTF-8). */
const headerText = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
const decoder = new TextDecoder();
const SESSION_ID = /^[\u0021-\u007e]{1,1024}$/;

/**
 * One session with a server over Streamable HTTP (MCP 2025-11-25, "Transports"): each message is a POST of its own, answered by JSON or
 * by a stream; a GET holds the stream on which the server speaks by itself. A stream that is cut before its answer is resumed
 * where the server gave event ids; that repeats nothing.
 */
export class HttpTransport implements Transport {
  readonly pid = undefined;
  readonly requestsAreIndependent = true;
  readonly endpoint: string;
  readonly #options: HttpTransportOptions;
  readonly #listener: TransportListener;
  readonly #origin: string;
  readonly #asksForCompression: boolean;
  #path: string;
  #pool: HttpPool | undefined;
  #sessionId: string | undefined;
  #protocolVersion: string | undefined;
  #knownHeaders: Readonly<Record<string, string>> | undefined;
  readonly #flights = new SlotMap<Flight>();
  readonly #others = new Set<Exchange>();
  #listening: { exchange: Exchange | undefined; timer: Disposable | undefined } | undefined;
  #paused = false;
  #turn = 0;
  #stopping: Promise<void> | undefined;
  #ended = false;

  constructor(options: HttpTransportOptions, listener: TransportListener) {
    this.#options = options;
    this.#listener = listener;
    this.endpoint = options.url;
    const url = new URL(options.url);
    this.#origin = url.origin;
    this.#asksForCompression = asksForCompression(url);
    this.#path = `${url.pathname}${url.search}`;
    options.pool.then(
      (pool) => {
        this.#pool = pool;
        if (!this.#ended) listener.onOpened();
      },
      (error: unknown) => {
        const text = `MCP Lifeline could not load its HTTP client; an update may have replaced it under the engine that runs: reload the window, or start "serve" again. ${String(error)}`;
        this.#finish(new Fault('connectionRefused', text, { server: options.server, cause: error }));
      },
    );
  }

  pauseReading(): void {
    this.#paused = true;
    for (const exchange of this.#exchanges()) exchange.pause();
  }

  resumeReading(): void {
    this.#paused = false;
    const exchanges = this.#exchanges();
    // Another one first each time: one that floods must not keep the others' answers waiting.
    this.#turn += 1;
    const first = this.#turn % Math.max(1, exchanges.length);
    for (const exchange of [...exchanges.slice(first), ...exchanges.slice(0, first)]) {
      exchange.resume();
      // What it held is handled at once, and may have been too much again.
      if (this.#isPausedAgain()) return;
    }
  }

  #isPausedAgain(): boolean {
    return this.#paused;
  }

  #exchanges(): Exchange[] {
    const flights = [...this.#flights.values()].map(({ exchange }) => exchange);
    return [...flights, this.#listening?.exchange, ...this.#others].filter(
      (exchange) => exchange !== undefined,
    );
  }

  #headers(accept: string): Record<string, string> {
    return {
      ...this.#options.headers,
      accept,
      ...(this.#sessionId === undefined ? {} : { 'mcp-session-id': this.#sessionId }),
      ...(this.#protocolVersion === undefined ? {} : { 'mcp-protocol-version': this.#protocolVersion }),
    };
  }

  /** Those of every message; made again when the session's id or version is known. */
  get #messageHeaders(): Readonly<Record<string, string>> {
    this.#knownHeaders ??= {
      ...(this.#asksForCompression ? { 'accept-encoding': ACCEPTED_ENCODINGS } : {}),
      ...this.#headers(ACCEPT_MESSAGE),
      'content-type': 'application/json',
    };
    return this.#knownHeaders;
  }

  #exchange(
    what: {
      readonly method: 'POST' | 'GET' | 'DELETE';
      readonly headers: Readonly<Record<string, string>>;
      readonly body?: Uint8Array | string;
      readonly expectsMessage?: boolean;
      readonly answers?: string;
      /** Where this one goes, when not where all go. */
      readonly path?: string | undefined;
      readonly atMostOnce?: boolean;
    },
    listener: ExchangeListener,
  ): Exchange | undefined {
    const { server, clock, maxMessageBytes, readTimeoutMs } = this.#options;
    const pool = this.#pool;
    if (pool === undefined || this.#ended) return undefined;
    const { method, headers, body, path, expectsMessage = false, answers, atMostOnce = false } = what;
    const exchange = new Exchange(
      {
        server,
        origin: this.#origin,
        method,
        path: path ?? this.#path,
        headers,
        ...(body === undefined ? {} : { body }),
        expectsMessage,
        ...(answers === undefined ? {} : { answers }),
        hasSession: this.#sessionId !== undefined,
        lease: pool.take(atMostOnce),
        clock,
        redactor: this.#options.redactor,
        readTimeoutMs: readTimeoutMs(),
        maxMessageBytes,
      },
      listener,
    );
    if (this.#paused) exchange.pause();
    return exchange;
  }

  // --- requests ---

  request(request: OutgoingRequest, settled: (verdict: Verdict) => void): void {
    const flight: Flight = {
      request,
      settled,
      exchange: undefined,
      lastEventId: undefined,
      retryDelayMs: undefined,
      isResuming: false,
      failedResumes: 0,
      timer: undefined,
      released: false,
    };
    this.#flights.set(request.id, flight);
    this.#post(flight, 0);
  }

  #post(flight: Flight, redirects: number, path?: string): void {
    const { request } = flight;
    flight.exchange = this.#exchange(
      {
        method: 'POST',
        headers:
          request.headers === undefined
            ? this.#messageHeaders
            : { ...this.#messageHeaders, ...request.headers },
        body: request.line,
        expectsMessage: true,
        answers: request.id,
        path,
        atMostOnce: request.atMostOnce,
      },
      this.#flightListener(flight, (headers) => this.#noteSession(headers), redirects),
    );
    if (flight.exchange === undefined) this.#land(flight, this.#goneVerdict());
  }

  #flightListener(
    flight: Flight,
    onAccepted: (headers: IncomingHttpHeaders) => void,
    redirects: number,
  ): ExchangeListener {
    return {
      onAccepted: (headers) => {
        onAccepted(headers);
        flight.settled({ kind: 'written' });
      },
      onMessage: (line) => this.#listener.onLines([line], flight.request.id),
      onEventId: (id) => (flight.lastEventId = id),
      onRetryDelay: (delayMs) => (flight.retryDelayMs = delayMs),
      onTooLong: (size, head) => {
        this.#listener.onTooLongLine(size, head);
        // Unless it is a message of another kind it was the answer, whose id may stand at its end. It must not be asked for again.
        if (/"method"\s*:/.test(decoder.decode(head.subarray(0, 256)))) return;
        this.#listener.afterLines(() => {
          if (flight.released) return;
          flight.exchange?.abort();
          this.#land(
            flight,
            failed(this.#options.server, 'protocolGarbage', 'gave an answer over the limit'),
          );
        });
      },
      // What came before the end is handled first: the answer may be among it.
      onEnd: (end) => this.#listener.afterLines(() => this.#onFlightEnd(flight, end, redirects)),
    };
  }

  #noteSession(headers: IncomingHttpHeaders): void {
    // It is given with the answer to initialize; before that there is none to be had.
    if (this.#protocolVersion !== undefined) return;
    const [id] = [headers['mcp-session-id']].flat();
    if (typeof id === 'string' && SESSION_ID.test(id)) {
      this.#sessionId = id;
      this.#knownHeaders = undefined;
    }
  }

  /** 307 is about one request (RFC 9110 §15.4.8); but who redirects the first one does so with all (`/mcp` to `/mcp/`). */
  #noteRedirect({ path, isPermanent }: Extract<ExchangeEnd, { kind: 'redirected' }>): void {
    if (isPermanent || this.#protocolVersion === undefined) this.#path = path;
  }

  #onFlightEnd(flight: Flight, end: ExchangeEnd, redirects: number): void {
    flight.exchange = undefined;
    const { server } = this.#options;
    if (flight.released || this.#ended) {
      this.#forget(flight);
      return;
    }
    if (end.kind === 'redirected' && !flight.isResuming) {
      this.#noteRedirect(end);
      if (redirects < MAX_REDIRECTS) this.#post(flight, redirects + 1, end.path);
      else this.#land(flight, failed(server, 'httpError', `keeps referring to other addresses`, 'no'));
      return;
    }
    if (flight.isResuming || isCut(end)) {
      // What the server refuses it will refuse again.
      const hasNoMore = end.kind === 'complete' && end.status === 204;
      const isRefused = end.kind === 'redirected' || hasNoMore || isRefusal(end);
      if (flight.isResuming && end.kind !== 'complete') flight.failedResumes += 1;
      else flight.failedResumes = 0;
      if (flight.lastEventId !== undefined && flight.failedResumes < MAX_RESUMES && !isRefused) {
        this.#resumeLater(flight);
        return;
      }
    }
    if (flight.isResuming)
      this.#land(flight, failed(server, 'connectionReset', 'cut its answer off and did not go on with it'));
    else if (end.kind === 'complete')
      this.#land(flight, failed(server, 'protocolGarbage', 'ended its answer without a result'));
    else if (end.kind === 'failed')
      this.#land(flight, { kind: 'failed', fault: end.fault, delivered: end.delivered });
  }

  #resumeLater(flight: Flight): void {
    flight.isResuming = true;
    const delayMs = flight.retryDelayMs ?? RESUME_DELAY_MS;
    flight.timer = this.#options.clock.setTimer(limited(delayMs), () => {
      flight.exchange = this.#exchange(
        {
          method: 'GET',
          headers: {
            ...this.#headers('text/event-stream'),
            'last-event-id': headerText(flight.lastEventId ?? ''),
          },
          expectsMessage: true,
          answers: flight.request.id,
        },
        this.#flightListener(flight, () => undefined, MAX_REDIRECTS),
      );
      if (flight.exchange === undefined) this.#land(flight, this.#goneVerdict('unknown'));
    });
  }

  #goneVerdict(delivered: 'no' | 'unknown' = 'no'): Verdict {
    return failed(this.#options.server, 'connectionReset', 'was left before the request was sent', delivered);
  }

  #land(flight: Flight, verdict: Verdict): void {
    this.#forget(flight);
    if (flight.released) return;
    flight.released = true;
    flight.settled(verdict);
  }

  #forget(flight: Flight): void {
    flight.timer?.dispose();
    if (this.#flights.get(flight.request.id) === flight) this.#flights.delete(flight.request.id);
  }

  release(id: string): void {
    const flight = this.#flights.get(id);
    if (flight === undefined || flight.released) return;
    flight.released = true;
    flight.timer?.dispose();
    if (flight.exchange === undefined) this.#forget(flight);
    else if (!flight.exchange.isAtEnd) {
      flight.timer = this.#options.clock.setTimer(AFTERGLOW_MS, () => {
        flight.exchange?.abort();
        this.#forget(flight);
      });
    }
  }

  // --- notifications, and answers to the server ---

  notify(message: Uint8Array | string, settled?: (verdict: Verdict) => void): void {
    this.#send(message, settled, 0);
  }

  #send(
    message: Uint8Array | string,
    settled: ((verdict: Verdict) => void) | undefined,
    redirects: number,
    path?: string,
  ): void {
    let accepted = false;
    const exchange = this.#exchange(
      {
        method: 'POST',
        headers: this.#messageHeaders,
        body: message,
        path,
        // Nobody would repeat it, so it must not get lost where the other end is just closing.
        atMostOnce: true,
      },
      {
        onAccepted: () => {
          accepted = true;
          settled?.({ kind: 'written' });
        },
        onMessage: (line) => this.#listener.onLines([line]),
        onEventId: () => undefined,
        onRetryDelay: () => undefined,
        onTooLong: (size, head) => this.#listener.onTooLongLine(size, head),
        onEnd: (end) => {
          if (exchange !== undefined) this.#others.delete(exchange);
          if (end.kind === 'redirected' && redirects < MAX_REDIRECTS) {
            this.#noteRedirect(end);
            this.#send(message, settled, redirects + 1, end.path);
          } else if (end.kind === 'failed' && !accepted) {
            settled?.({ kind: 'failed', fault: end.fault, delivered: end.delivered });
            this.#listener.onDoubt(end.fault);
          }
        },
      },
    );
    if (exchange !== undefined) this.#others.add(exchange);
    else settled?.(this.#goneVerdict());
  }

  // --- the server's own stream ---

  useProtocol(version: string): void {
    // A server that names none is of the time before the header.
    this.#protocolVersion = /^[\u0021-\u007e]{1,64}$/.test(version) ? version : '2025-03-26';
    this.#knownHeaders = undefined;
  }

  listen(): void {
    this.#listening = { exchange: undefined, timer: undefined };
    this.#listen({ lastEventId: undefined, delayMs: RESUME_DELAY_MS, failures: 0 });
  }

  #listen(state: { lastEventId: string | undefined; delayMs: number; failures: number }): void {
    const listening = this.#listening;
    if (listening === undefined || this.#ended) return;
    const headers = this.#headers('text/event-stream');
    if (state.lastEventId !== undefined) headers['last-event-id'] = headerText(state.lastEventId);
    listening.exchange = this.#exchange(
      { method: 'GET', headers, expectsMessage: true },
      {
        onAccepted: () => (state.failures = 0),
        onMessage: (line) => this.#listener.onLines([line]),
        onEventId: (id) => (state.lastEventId = id),
        onRetryDelay: (delayMs) => (state.delayMs = limited(delayMs)),
        onTooLong: (size, head) => this.#listener.onTooLongLine(size, head),
        onEnd: (end) => {
          listening.exchange = undefined;
          // It has no stream of its own (405), or does not know of it: many servers.
          if (end.kind === 'redirected') return;
          if (end.kind === 'failed' && isRefusal(end)) {
            if (end.fault.code === 'sessionLost') this.#listener.onDoubt(end.fault);
            return;
          }
          if (end.kind === 'failed') {
            state.failures += 1;
            if ((end.status ?? 0) < 300) this.#listener.onDoubt(end.fault);
          }
          const delayMs = limited(state.delayMs * 2 ** Math.min(state.failures, 10));
          const askedForMs = end.kind === 'failed' ? (end.fault.retryAfterMs ?? 0) : 0;
          listening.timer = this.#options.clock.setTimer(Math.max(delayMs, askedForMs), () =>
            this.#listen(state),
          );
        },
      },
    );
  }

  dropIdleConnections(): void {
    this.#pool?.dropIdle();
  }

  // --- the end ---

  stop(grace: StopGrace = defaultStopGrace): Promise<void> {
    this.#stopping ??= this.#stop(grace);
    return this.#stopping;
  }

  async #stop(grace: StopGrace): Promise<void> {
    if (this.#ended) return;
    if (grace.politeMs > 0 && this.#sessionId !== undefined) await this.#farewell(grace.politeMs);
    const { server } = this.#options;
    this.#finish(
      new Fault('connectionReset', `The connection to the MCP server "${server}" was closed.`, { server }),
    );
  }

  /** The server may let go of the session now (405: it does not care). */
  #farewell(limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const finish = (): void => {
        timer.dispose();
        exchange?.abort();
        resolve();
      };
      const timer = this.#options.clock.setTimer(Math.min(limitMs, FAREWELL_MS), finish);
      const exchange = this.#exchange(
        { method: 'DELETE', headers: this.#headers(ACCEPT_MESSAGE) },
        {
          onAccepted: () => undefined,
          onMessage: () => undefined,
          onEventId: () => undefined,
          onRetryDelay: () => undefined,
          onTooLong: () => undefined,
          onEnd: finish,
        },
      );
      if (exchange === undefined) finish();
    });
  }

  #finish(fault: Fault): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#listening?.timer?.dispose();
    for (const exchange of this.#exchanges()) exchange.abort();
    for (const flight of this.#flights.values()) flight.timer?.dispose();
    this.#flights.clear();
    this.#others.clear();
    this.#listener.onEnd(fault);
  }
}

/** It would be refused again. */
function isRefusal(end: ExchangeEnd): boolean {
  if (end.kind !== 'failed' || end.status === undefined) return false;
  return end.status >= 300 && end.status < 500 && !passing.has(end.status);
}

/** The answer ended, or its connection did, before the result had come. */
function isCut(end: ExchangeEnd): boolean {
  return end.kind === 'complete' || (end.kind === 'failed' && end.fault.code === 'connectionReset');
}

function failed(
  server: string,
  code: 'httpError' | 'protocolGarbage' | 'connectionReset',
  what: string,
  delivered: 'no' | 'unknown' = 'unknown',
): Verdict {
  return {
    kind: 'failed',
    fault: new Fault(code, `The MCP server "${server}" ${what}.`, { server }),
    delivered,
  };
}
