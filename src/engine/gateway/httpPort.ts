import type { ServerResponse } from 'node:http';
import { copyOf } from '../../shared/base/copyOf.ts';
import type { Disposable } from '../../shared/base/disposable.ts';
import { SlotMap } from '../../shared/base/slotMap.ts';
import { errorAnswer, layerAnswer } from '../../shared/protocol/answers.ts';
import {
  canonicalId,
  memberRange,
  scanFrame,
  textOf,
  type Frame,
} from '../../shared/protocol/frameScanner.ts';
import type { ClientPort } from './clientPort.ts';
import { Exchange, type ExchangeListener, type ExchangeOptions } from './httpExchange.ts';
import { EventLog, OWN_STREAM, readEventId, type EventBudget } from './eventLog.ts';
import { EventStream, replay, type StreamTiming } from './httpStream.ts';
import { Silences } from './silences.ts';

/** What a server says while its client has nothing open waits for a stream, up to this much; then the oldest goes. */
const MAX_QUEUED = 1_000;
const MAX_QUEUED_BYTES = 8_388_608;
/** A request of the server that no stream takes in this time is answered for the client, because the server waits for it. */
const QUEUED_REQUEST_LIMIT_MS = 30_000;

/** A stream that was ended is given up when its client has not read it to the end by then: what is unread there slows the server down. */
const ENDED_STREAM_LIMIT_MS = 10_000;

const PROGRESS = 'notifications/progress';
/** Not about a request that is open, unless it is known which: they go to the client's own stream when there is one. */
const unrelated =
  /^notifications\/(?:(?:tools|prompts|resources)\/list_changed|resources\/updated|progress)$/;

interface Queued {
  readonly message: Uint8Array;
  readonly timer: Disposable | undefined;
  /** The request's id, as it stands in the message. */
  readonly request: string | undefined;
}

export interface HttpPortOptions {
  readonly server: string;
  readonly timing: StreamTiming;
  /** What all sessions may keep for clients that come back. */
  readonly eventBudget: EventBudget;
  /** A message to the session in the client's name. */
  readonly onClientLine: (line: Uint8Array) => void;
  /** The client closed a request that was not answered, and does not come back for the answer. */
  readonly onAbandoned: (exchange: Exchange) => void;
  /** A response, of a request or the client's stream, is over. */
  readonly onClosed: () => void;
}

/** A session's client that comes over HTTP: requests that are open, and perhaps a stream for everything else. */
export class HttpPort implements ClientPort {
  readonly #options: HttpPortOptions;
  readonly #exchanges = new SlotMap<Exchange>();
  /** The newest open request that takes messages before its answer. */
  #newest: Exchange | undefined;
  #stream: EventStream | undefined;
  #queue: Queued[] = [];
  #queuedBytes = 0;
  /** Responses whose client reads too slowly. */
  readonly #slow = new Set<ServerResponse>();
  #onDrained: (() => void)[] = [];
  readonly #silences: Silences;
  readonly #events: EventLog;
  /** Events on the client's own streams. */
  #ownEvents = 0;
  #open = 0;

  constructor(options: HttpPortOptions) {
    this.#options = options;
    this.#silences = new Silences(options.timing);
    this.#events = new EventLog(options.timing.clock, options.eventBudget);
  }

  /** Responses that are not over. */
  get openResponses(): number {
    return this.#open;
  }

  has(id: string): boolean {
    return this.#exchanges.has(id);
  }

  /** Takes a request in; its id must not be open. */
  open(options: Omit<ExchangeOptions, 'timing' | 'server' | 'silences' | 'log'>): void {
    const { timing, server } = this.#options;
    const own = { timing, server, silences: this.#silences, log: this.#events };
    const exchange = new Exchange({ ...options, ...own }, this.#exchangeListener);
    this.#open += 1;
    this.#exchanges.set(exchange.id, exchange);
    if (!exchange.canStream) return;
    this.#newest = exchange;
    if (this.#queue.length > 0) this.#flushQueue((message) => exchange.send(message), options.response);
  }

  readonly #exchangeListener: ExchangeListener = {
    onCut: () => this.#chooseNewest(),
    onOver: (exchange) => {
      const abandoned = !exchange.isSettled;
      this.#remove(exchange);
      if (abandoned) this.#options.onAbandoned(exchange);
    },
    onClosed: (response) => this.#onResponseClosed(response),
  };

  #onResponseClosed(response: ServerResponse): void {
    this.#open -= 1;
    this.#noteDrained(response);
    this.#options.onClosed();
  }

  #remove(exchange: Exchange): void {
    if (this.#exchanges.get(exchange.id) !== exchange) return;
    this.#exchanges.delete(exchange.id);
    if (this.#newest === exchange) this.#chooseNewest();
  }

  #chooseNewest(): void {
    this.#newest = undefined;
    for (const exchange of this.#exchanges.values()) if (exchange.canStream) this.#newest = exchange;
  }

  /** The client's stream for what belongs to no request; an older one is ended. `after`: it has had so many events of the one before. */
  openStream(response: ServerResponse, primes: boolean, after?: number): void {
    this.#endStream();
    const { timing } = this.#options;
    const stream = new EventStream({
      timing,
      log: this.#events,
      number: OWN_STREAM,
      given: this.#ownEvents,
    });
    this.#stream = stream;
    this.#open += 1;
    response.on('close', () => {
      this.#keepCount(stream);
      if (this.#stream === stream) this.#stream = undefined;
      this.#onResponseClosed(response);
    });
    stream.attach(response, { primes, after });
    this.#flushQueue((message) => stream.send(message), response);
  }

  #keepCount(stream: EventStream): void {
    this.#ownEvents = Math.max(this.#ownEvents, stream.given);
  }

  /**
   * The client has lost a stream and comes back for what it missed of that one (MCP 2025-11-25, "Resumability and Redelivery"). Answers
   * whether the stream is still known.
   */
  resumeStream(response: ServerResponse, lastEventId: string, primes: boolean): boolean {
    const place = readEventId(lastEventId);
    if (place === undefined || place.stream === OWN_STREAM) {
      this.openStream(response, primes, place?.seq);
      return true;
    }
    for (const exchange of this.#exchanges.values()) {
      if (exchange.streamNumber !== place.stream) continue;
      this.#open += 1;
      exchange.resume(response, place.seq);
      this.#chooseNewest();
      this.#watch(response);
      return true;
    }
    if (!this.#events.hasEndOf(place.stream)) return false;
    this.#open += 1;
    response.on('close', () => this.#onResponseClosed(response));
    replay(response, this.#events.after(place));
    this.#watch(response);
    return true;
  }

  #endStream(): void {
    const stream = this.#stream;
    if (stream === undefined) return;
    this.#stream = undefined;
    this.#keepCount(stream);
    const { response } = stream;
    stream.end();
    if (response === undefined) return;
    const { clock } = this.#options.timing;
    const timer = clock.setTimer(ENDED_STREAM_LIMIT_MS, () => response.destroy(), { unref: true });
    response.once('close', () => timer.dispose());
  }

  answer(id: string, message: Uint8Array | string, flushed?: () => void): void {
    const exchange = this.#exchanges.get(id);
    if (exchange === undefined) return; // its client is gone
    this.#remove(exchange);
    const { response } = exchange;
    exchange.answer(message, flushed);
    this.#watch(response);
  }

  /** The client has cancelled a request of its own. */
  abandon(id: string): void {
    const exchange = this.#exchanges.get(id);
    if (exchange === undefined) return;
    this.#remove(exchange);
    exchange.abandon();
  }

  send(message: Uint8Array | string, about?: string): void {
    const bytes = typeof message === 'string' ? Buffer.from(message) : message;
    const frame = scanFrame(bytes);
    const asked = about === undefined ? this.#askedFor(bytes, frame) : this.#exchanges.get(about);
    const prefersStream = frame.kind === 'notification' && unrelated.test(frame.method);
    // What is about a call whose client may come back waits for it with the call.
    const exchange = asked?.canStream === true || asked?.isCut === true ? asked : this.#newest;
    if (exchange !== undefined && (exchange === asked || !prefersStream || this.#stream === undefined)) {
      exchange.send(bytes);
      this.#watch(exchange.response);
    } else if (this.#stream !== undefined) {
      this.#stream.send(bytes);
      this.#watch(this.#stream.response);
    } else this.#enqueue(bytes, frame);
  }

  /** The request whose progress a message tells. */
  #askedFor(bytes: Uint8Array, frame: Frame): Exchange | undefined {
    if (frame.kind !== 'notification' || frame.method !== PROGRESS || frame.params === undefined)
      return undefined;
    const range = memberRange(bytes, frame.params, 'progressToken');
    const token = range === undefined ? undefined : canonicalId(textOf(bytes, range));
    for (const exchange of this.#exchanges.values())
      if (token !== undefined && exchange.progressToken === token) return exchange;
    return undefined;
  }

  #enqueue(bytes: Uint8Array, frame: Frame): void {
    // Progress is of no use when it is over.
    if (frame.kind === 'notification' && frame.method === PROGRESS) return;
    // The bytes may share the memory of a larger chunk, which would be kept with them.
    const message = copyOf(bytes);
    const request = frame.kind === 'request' ? textOf(bytes, frame.idRange) : undefined;
    const { clock } = this.#options.timing;
    const entry: Queued = {
      message,
      request,
      timer:
        request === undefined
          ? undefined
          : clock.setTimer(QUEUED_REQUEST_LIMIT_MS, () => {
              this.#queue = this.#queue.filter((other) => other !== entry);
              this.#queuedBytes -= message.length;
              this.#answerForClient(request);
            }),
    };
    this.#queue.push(entry);
    this.#queuedBytes += message.length;
    while (this.#queue.length > MAX_QUEUED || this.#queuedBytes > MAX_QUEUED_BYTES) {
      const oldest = this.#queue.shift();
      if (oldest === undefined) return;
      this.#queuedBytes -= oldest.message.length;
      oldest.timer?.dispose();
      if (oldest.request !== undefined) this.#answerForClient(oldest.request);
    }
  }

  #answerForClient(id: string): void {
    const text = 'The client has no stream open on which it could be asked.';
    const answer = errorAnswer(id, { text, code: 'unavailable', server: this.#options.server });
    this.#options.onClientLine(Buffer.from(answer));
  }

  #flushQueue(send: (message: Uint8Array) => void, response: ServerResponse): void {
    const queue = this.#queue;
    this.#queue = [];
    this.#queuedBytes = 0;
    for (const { message, timer } of queue) {
      timer?.dispose();
      send(message);
    }
    this.#watch(response);
  }

  // --- a client that reads too slowly ---

  get waitingBytes(): number {
    let bytes = 0;
    for (const response of this.#slow) bytes += response.writableLength;
    return bytes;
  }

  #watch(response: ServerResponse | undefined): void {
    if (response === undefined) return;
    const waits = response.writableEnded ? response.writableLength > 0 : response.writableNeedDrain;
    if (!waits || this.#slow.has(response) || response.destroyed) return;
    this.#slow.add(response);
    // `drain` comes only while it is open, `finish` when its end has been written, `close` in any case.
    const onDrained = (): void => this.#noteDrained(response);
    response.once('drain', onDrained).once('finish', onDrained);
  }

  #noteDrained(response: ServerResponse): void {
    if (!this.#slow.delete(response) || this.#slow.size > 0) return;
    const actions = this.#onDrained;
    this.#onDrained = [];
    for (const action of actions) action();
  }

  onceDrained(action: () => void): void {
    if (this.#slow.size === 0) process.nextTick(action);
    else this.#onDrained.push(action);
  }

  // --- what only bridges know ---

  control(): void {
    // A client of HTTP has no other engine to go to.
  }

  pause(): void {
    // Requests are bounded by number and size already.
  }

  resume(): void {
    // See pause.
  }

  // --- the end ---

  /** Answers everything that is open, and ends the stream. `why` is a sentence. */
  finish(why: string): void {
    const { server } = this.#options;
    for (const exchange of [...this.#exchanges.values()]) {
      const { id, method } = exchange;
      const isCall = method === 'tools/call';
      const text = isCall ? `${why} It is not known whether the call was carried out.` : why;
      const code = isCall ? 'outcomeUnknown' : 'stopped';
      this.answer(id, layerAnswer(method, id, { text, code, server }));
    }
    for (const { timer } of this.#queue) timer?.dispose();
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#endStream();
    this.#silences.dispose();
    this.#events.dispose();
  }

  close(): void {
    this.finish('The session has ended.');
  }
}
