import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Clock } from '../../shared/base/clock.ts';
import type { Disposable } from '../../shared/base/disposable.ts';
import { EventLog, eventId, type EventPlace, type KeptEvent } from './eventLog.ts';
import { asOneLine } from './httpBody.ts';

/**
 * A stream that stays silent this long gets a comment, and a request without an answer becomes a stream: clients and proxies cut what
 * is silent for minutes, and the call behind it then hangs for ever (observed on VS Code, 300 s).
 */
export const KEEP_ALIVE_MS = 15_000;
/** A client that has this much to read yet needs no sign of life. */
const BUSY_BYTES = 65_536;

/** Below this, an event is one write. */
const JOIN_BELOW_BYTES = 65_536;

const nothing = new Uint8Array();
const EVENT_END = Buffer.from('\n\n');
const COMMENT = ': keep-alive\n\n';

export const eventStreamHeaders: OutgoingHttpHeaders = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};

export interface StreamTiming {
  readonly clock: Clock;
  readonly keepAliveMs: number;
}

export interface EventStreamOptions {
  readonly timing: StreamTiming;
  /** Keeps the events for a client that loses its connection. */
  readonly log: EventLog;
  readonly number: number;
  /** Events that it has given already: the client's own stream goes on with its numbers. */
  readonly given?: number;
}

/** How a response begins. */
export interface Beginning {
  readonly headers?: OutgoingHttpHeaders;
  /** Give an id at once, in an event that says nothing: clients of before 2025-11-25 take that for a message. */
  readonly primes?: boolean;
  /** Begin with what came after this many events. */
  readonly after?: number | undefined;
}

/**
 * Messages as server-sent events, with comments while there are none. They go out on a response; when that is cut, on another one that
 * begins where the client had got to.
 */
export class EventStream {
  readonly number: number;
  readonly #timing: StreamTiming;
  readonly #log: EventLog;
  #response: ServerResponse | undefined;
  #given: number;
  #isPrimed = false;
  #timer: Disposable | undefined;
  #writtenAt: number;

  constructor({ timing, log, number, given = 0 }: EventStreamOptions) {
    this.#timing = timing;
    this.#log = log;
    this.number = number;
    this.#given = given;
    this.#writtenAt = timing.clock.now();
  }

  /** Absent while the client has none open. */
  get response(): ServerResponse | undefined {
    return this.#response;
  }

  /** Events so far. */
  get given(): number {
    return this.#given;
  }

  /** The client has an id to come back with. */
  get isResumable(): boolean {
    return this.#isPrimed || this.#given > 0;
  }

  /** Sends the head at once, so that the client knows that the stream is open. */
  attach(response: ServerResponse, { headers, primes = false, after }: Beginning = {}): void {
    this.#timer?.dispose();
    this.#response = response;
    response.writeHead(200, { ...eventStreamHeaders, ...headers });
    response.flushHeaders();
    response.on('close', () => {
      if (this.#response !== response) return;
      this.#response = undefined;
      this.#timer?.dispose();
    });
    if (after !== undefined) {
      const missed = this.#log.after({ stream: this.number, seq: after });
      for (const { seq, message } of missed) this.#write(seq, message);
    } else if (primes) {
      this.#isPrimed = true;
      response.write(`id: ${eventId({ stream: this.number, seq: this.#given })}\ndata: \n\n`);
    }
    this.#writtenAt = this.#timing.clock.now();
    this.#watch(this.#timing.keepAliveMs);
  }

  /** One timer at a time, looking at the time of the last message: most messages neither start nor stop one. */
  #watch(delayMs: number): void {
    const { clock, keepAliveMs } = this.#timing;
    this.#timer = clock.setTimer(delayMs, () => {
      const leftMs = this.#writtenAt + keepAliveMs - clock.now();
      if (leftMs <= 0) this.comment();
      this.#watch(leftMs <= 0 ? keepAliveMs : leftMs);
    });
  }

  comment(): void {
    const response = this.#response;
    if (response !== undefined && !response.writableEnded && response.writableLength < BUSY_BYTES)
      response.write(COMMENT);
  }

  send(message: Uint8Array | string): void {
    this.#give(message, false);
    this.#writtenAt = this.#timing.clock.now();
  }

  /**
   * `flushed` is called when everything has been handed to the kernel, or is kept for a client that has lost its connection. `instead`: what is
   * kept of a message that is too large for that.
   */
  end(last?: Uint8Array | string, flushed?: () => void, instead?: () => string): void {
    this.#timer?.dispose();
    if (last !== undefined) this.#give(last, true, instead);
    if (this.#response === undefined) flushed?.();
    else this.#response.end(flushed);
  }

  /** Ends it without a message: nothing more will come, also for a client that comes back. */
  abandon(): void {
    this.#given += 1;
    this.#log.append({ stream: this.number, seq: this.#given }, nothing, true);
    this.end();
  }

  #give(message: Uint8Array | string, isLast: boolean, instead?: () => string): void {
    const line = asOneLine(typeof message === 'string' ? Buffer.from(message) : message);
    this.#given += 1;
    const isTooLarge = line.length > EventLog.maxEventBytes && instead !== undefined;
    const kept = isTooLarge ? Buffer.from(instead()) : line;
    this.#log.append({ stream: this.number, seq: this.#given }, kept, isLast);
    this.#write(this.#given, line);
  }

  #write(seq: number, line: Uint8Array): void {
    if (this.#response !== undefined) writeEvent(this.#response, { stream: this.number, seq }, line);
  }
}

/** What is kept of a stream that has ended, and the end. */
export function replay(response: ServerResponse, events: readonly KeptEvent[]): void {
  const messages = events.filter(({ message }) => message.length > 0);
  // Tells that there is nothing more to come back for (WHATWG HTML §9.2.1, "HTTP 204"); a stream without an answer would be resumed for ever.
  if (messages.length === 0) {
    response.writeHead(204).end();
    return;
  }
  response.writeHead(200, eventStreamHeaders);
  for (const event of messages) writeEvent(response, event, event.message);
  response.end();
}

function writeEvent(response: ServerResponse, place: EventPlace, line: Uint8Array): void {
  const beginning = `id: ${eventId(place)}\nevent: message\ndata: `;
  // Not corked: a corked response forgets that somebody waits for it to drain.
  if (line.length < JOIN_BELOW_BYTES) {
    response.write(Buffer.concat([Buffer.from(beginning), line, EVENT_END]));
    return;
  }
  response.write(beginning);
  response.write(line);
  response.write(EVENT_END);
}
