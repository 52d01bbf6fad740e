import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Disposable } from '../../shared/base/disposable.ts';
import {
  canonicalId,
  memberRange,
  scanFrame,
  textOf,
  type Frame,
} from '../../shared/protocol/frameScanner.ts';
import type { ClientHeaders } from '../pipeline/callTrace.ts';
import { EventBudget } from './eventLog.ts';
import { asOneLine, isReadable, readBody } from './httpBody.ts';
import {
  isJson,
  isPlausibleVersion,
  readAccept,
  readComeback,
  type Accepted,
  type Comeback,
  type Refusal,
} from './httpChecks.ts';
import type { Exchange, ExchangeOptions } from './httpExchange.ts';
import { HttpPort } from './httpPort.ts';
import type { StreamTiming } from './httpStream.ts';

/** Longest message of a client. */
const MAX_BODY_BYTES = 67_108_864;
/** All bodies whose requests are open. */
const MAX_BODIES_BYTES = 268_435_456;
/** Every session has a server process of its own. */
const MAX_SESSIONS = 200;
/** A session whose client has had nothing open for so long is ended: many clients leave without a word. */
export const SESSION_IDLE_MS = 1_800_000;
/** The same for a client that had a stream of its own: such clients keep one open as long as they are there. */
const ABANDONED_MS = 300_000;

const SESSION_HEADER = 'mcp-session-id';
const noBody = { 'content-length': 0 };

/** What the endpoint needs of a session; `Session` is one. */
export interface HttpSession {
  onLine(line: Uint8Array, again: boolean, headers?: ClientHeaders): void;
  end(forGood: boolean): Promise<void>;
}

export interface HttpSessionsOptions {
  readonly timing: StreamTiming;
  readonly idleMs: number;
  /** Whether the settings have a server of that name. */
  readonly knows: (server: string) => boolean;
  readonly open: (server: string, id: string, port: HttpPort) => HttpSession;
  readonly refuse: (request: IncomingMessage, response: ServerResponse, refusal: Refusal) => void;
}

interface Entry {
  readonly id: string;
  readonly server: string;
  readonly port: HttpPort;
  readonly session: HttpSession;
  /** Clock time of the last moment at which something was open. */
  usedAt: number;
  hadStream: boolean;
  idle: Disposable | undefined;
}

type Request = Extract<Frame, { kind: 'request' }>;

/** The sessions of clients that come over HTTP: `/mcp/<server>` (MCP 2025-11-25, Streamable HTTP). */
export class HttpSessions {
  readonly #options: HttpSessionsOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #ending = new Set<Promise<void>>();
  #bodiesBytes = 0;
  readonly #eventBudget = new EventBudget();
  #closed = false;

  constructor(options: HttpSessionsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  async handle(request: IncomingMessage, response: ServerResponse, server: string): Promise<void> {
    const refusal = this.#checkHead(request, server);
    if (refusal !== undefined) {
      this.#options.refuse(request, response, refusal);
      return;
    }
    const id = request.headers[SESSION_HEADER];
    const entry = typeof id === 'string' ? this.#entries.get(id) : undefined;
    if (request.method === 'POST') await this.#post(request, response, server, entry);
    else if (entry !== undefined && request.method === 'GET') {
      const primes = comebackOf(request).takesEmptyEvents;
      const lastEventId = request.headers['last-event-id'];
      if (typeof lastEventId !== 'string' || lastEventId === '') {
        entry.hadStream = true;
        // The timer that runs counts to a later time; the end of the stream starts another one.
        entry.idle?.dispose();
        entry.idle = undefined;
        entry.port.openStream(response, primes);
      } else if (!entry.port.resumeStream(response, lastEventId, primes))
        this.#options.refuse(request, response, unknownEvent);
    } else if (entry !== undefined) {
      void this.#end(entry, 'The client ended the session.');
      response.writeHead(204).end();
    }
  }

  #checkHead(request: IncomingMessage, server: string): Refusal | undefined {
    const { headers, method = '' } = request;
    if (method !== 'POST' && method !== 'GET' && method !== 'DELETE')
      return {
        status: 405,
        code: 'methodNotAllowed',
        sentence: 'This address takes POST, GET and DELETE.',
        headers: { allow: 'POST, GET, DELETE' },
      };
    const id = headers[SESSION_HEADER];
    const known = typeof id === 'string' ? this.#entries.get(id) : undefined;
    if (known === undefined && !this.#options.knows(server))
      return {
        status: 404,
        code: 'unknownServer',
        sentence: `There is no server ${JSON.stringify(server.slice(0, 128))} in the settings.`,
      };
    const refusal = method === 'DELETE' ? undefined : this.#checkTypes(request);
    if (refusal !== undefined) return refusal;
    const version = headers['mcp-protocol-version'];
    if (!isPlausibleVersion(Array.isArray(version) ? version[0] : version))
      return {
        status: 400,
        code: 'invalidRequest',
        sentence: 'MCP-Protocol-Version must be the date of a protocol version, such as 2025-11-25.',
      };
    if (id === undefined) return method === 'POST' ? undefined : missingSession;
    if (known?.server !== server)
      return {
        status: 404,
        code: 'unknownSession',
        sentence: 'There is no such session (any more). Send initialize without Mcp-Session-Id to open one.',
      };
    return undefined;
  }

  #checkTypes(request: IncomingMessage): Refusal | undefined {
    const { json, eventStream } = readAccept(request.headers.accept);
    if (request.method === 'GET')
      return eventStream
        ? undefined
        : {
            status: 406,
            code: 'notAcceptable',
            sentence: 'The answer to GET is a stream; Accept must allow text/event-stream.',
          };
    if (!json && !eventStream)
      return {
        status: 406,
        code: 'notAcceptable',
        sentence: 'Accept must allow application/json and text/event-stream, or one of them.',
      };
    if (!isJson(request.headers['content-type']))
      return {
        status: 415,
        code: 'unsupportedMediaType',
        sentence: 'The body must be JSON, and Content-Type must say application/json.',
      };
    return undefined;
  }

  async #post(
    request: IncomingMessage,
    response: ServerResponse,
    server: string,
    entry: Entry | undefined,
  ): Promise<void> {
    let heldBytes = 0;
    response.on('close', () => (this.#bodiesBytes -= heldBytes));
    const body = await readBody(request, MAX_BODY_BYTES, (bytes) => {
      heldBytes += bytes;
      this.#bodiesBytes += bytes;
      return this.#bodiesBytes <= MAX_BODIES_BYTES;
    });
    if (body.kind === 'gone') return;
    const refuse = (refusal: Refusal): void => this.#options.refuse(request, response, refusal);
    if (body.kind === 'tooLarge') {
      refuse(heldBytes > MAX_BODY_BYTES || this.#bodiesBytes <= MAX_BODIES_BYTES ? tooLarge : overloaded);
      return;
    }
    if (this.#closed) refuse(stopping);
    else if (entry !== undefined && !this.#entries.has(entry.id)) refuse(endedMeanwhile);
    else if (!isReadable(body.bytes)) refuse(notJson);
    else {
      const refusal = this.#take(asOneLine(body.bytes), {
        response,
        accepted: readAccept(request.headers.accept),
        comeback: comebackOf(request),
        headers: clientHeaders(request),
        server,
        entry,
      });
      if (refusal !== undefined) refuse(refusal);
    }
  }

  /** Gives a message to its session; answers why not, when it is not taken. */
  #take(
    line: Uint8Array,
    to: {
      readonly response: ServerResponse;
      readonly accepted: Accepted;
      readonly comeback: Comeback;
      readonly headers: ClientHeaders;
      readonly server: string;
      readonly entry: Entry | undefined;
    },
  ): Refusal | undefined {
    const frame = scanFrame(line);
    const { response, accepted, comeback, entry } = to;
    if (frame.kind === 'batch') return noBatch;
    if (frame.kind === 'invalid') return noMessage;
    const opens = frame.kind === 'request' && frame.method === 'initialize';
    if (entry === undefined) {
      if (!opens) return missingSession;
      if (this.#entries.size >= MAX_SESSIONS) return tooManySessions;
      this.#begin(line, frame, { response, accepted, comeback }, to.server);
      return undefined;
    }
    entry.usedAt = this.#options.timing.clock.now();
    if (opens) return alreadyInitialized;
    if (frame.kind === 'request') {
      if (entry.port.has(frame.id)) return idIsOpen;
      entry.port.open({ response, accepted, comeback, line, frame, headers: {} });
      entry.session.onLine(line, false, to.headers);
      return undefined;
    }
    entry.session.onLine(line, false);
    if (frame.kind === 'notification' && frame.method === 'notifications/cancelled')
      abandonCancelled(entry.port, line, frame);
    response.writeHead(202, noBody).end();
    return undefined;
  }

  #begin(
    line: Uint8Array,
    frame: Request,
    to: Pick<ExchangeOptions, 'response' | 'accepted' | 'comeback'>,
    server: string,
  ): void {
    const { timing } = this.#options;
    // Whoever knows it can speak in the session: as hard to guess as the token.
    const id = randomBytes(24).toString('base64url');
    const port = new HttpPort({
      server,
      timing,
      eventBudget: this.#eventBudget,
      onClientLine: (message) => entry.session.onLine(message, false),
      onAbandoned: (exchange) => this.#onAbandoned(entry, exchange),
      onClosed: () => this.#onResponseClosed(entry),
    });
    const session = this.#options.open(server, id, port);
    const usedAt = timing.clock.now();
    const entry: Entry = { id, server, port, session, usedAt, hadStream: false, idle: undefined };
    this.#entries.set(id, entry);
    port.open({ ...to, line, frame, headers: { [SESSION_HEADER]: id } });
    session.onLine(line, false);
  }

  /** The client has closed a request and has not come back: nobody waits for its answer (requirements R2.6). */
  #onAbandoned(entry: Entry, exchange: Exchange): void {
    if (!this.#entries.has(entry.id)) return;
    if (exchange.method === 'initialize') {
      void this.#end(entry, 'The client left before the session began.');
      return;
    }
    const params = `{"requestId":${exchange.id},"reason":"The client closed the connection"}`;
    const line = `{"jsonrpc":"2.0","method":"notifications/cancelled","params":${params}}`;
    entry.session.onLine(Buffer.from(line), false);
  }

  #onResponseClosed(entry: Entry): void {
    entry.usedAt = this.#options.timing.clock.now();
    if (entry.port.openResponses === 0 && this.#entries.has(entry.id)) this.#watchIdle(entry);
  }

  /** One timer at a time, looking at the time of last use: most requests neither start nor stop one. */
  #watchIdle(entry: Entry): void {
    if (entry.idle !== undefined) return;
    const { timing } = this.#options;
    const idleMs = entry.hadStream ? Math.min(ABANDONED_MS, this.#options.idleMs) : this.#options.idleMs;
    const waitMs = Math.max(1, entry.usedAt + idleMs - timing.clock.now());
    entry.idle = timing.clock.setTimer(
      waitMs,
      () => {
        entry.idle = undefined;
        if (entry.port.openResponses > 0) return; // watched again when the last one closes
        if (timing.clock.now() - entry.usedAt >= idleMs) void this.#end(entry, 'Nobody used the session.');
        else this.#watchIdle(entry);
      },
      { unref: true },
    );
  }

  #end(entry: Entry, why: string): Promise<void> {
    if (!this.#entries.delete(entry.id)) return Promise.resolve();
    entry.idle?.dispose();
    entry.port.finish(why);
    // A server that cannot be stopped is left to the guardian.
    const ending = entry.session
      .end(true)
      .catch(() => undefined)
      .finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
    return ending;
  }

  /** Ends all sessions; resolves when their servers have stopped. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const entry of [...this.#entries.values()]) void this.#end(entry, 'MCP Lifeline is stopping.');
    await Promise.all([...this.#ending]);
  }
}

const noTrace: ClientHeaders = {};

/** Where the client's call stands in a trace; most say nothing of that. */
function clientHeaders({ headers }: IncomingMessage): ClientHeaders {
  const { traceparent, tracestate, baggage } = headers;
  if (typeof traceparent !== 'string') return noTrace;
  return {
    traceparent,
    ...(typeof tracestate === 'string' ? { tracestate } : {}),
    ...(typeof baggage === 'string' ? { baggage } : {}),
  };
}

function comebackOf({ headers }: IncomingMessage): Comeback {
  const version = headers['mcp-protocol-version'];
  return readComeback(Array.isArray(version) ? version[0] : version);
}

function abandonCancelled(
  port: HttpPort,
  line: Uint8Array,
  frame: Extract<Frame, { kind: 'notification' }>,
): void {
  const range = frame.params === undefined ? undefined : memberRange(line, frame.params, 'requestId');
  if (range !== undefined) port.abandon(canonicalId(textOf(line, range)));
}

const missingSession: Refusal = {
  status: 400,
  code: 'missingSession',
  sentence: 'Mcp-Session-Id is missing. Send initialize first; its answer has the id in a header.',
};
const alreadyInitialized: Refusal = {
  status: 400,
  code: 'invalidRequest',
  sentence:
    'This session is initialized already. Send initialize without Mcp-Session-Id to open another one.',
};
const unknownEvent: Refusal = {
  status: 400,
  code: 'unknownEvent',
  sentence:
    'What came after the event of Last-Event-ID is not kept (any more). Send GET without it for the stream of what belongs to no request.',
};
const idIsOpen: Refusal = {
  status: 400,
  code: 'invalidRequest',
  sentence: 'A request with this id is open in this session already; the second one was not carried out.',
};
const notJson: Refusal = {
  status: 400,
  code: 'parseError',
  sentence: 'The body is not JSON in UTF-8; nothing was carried out.',
};
const noMessage: Refusal = {
  status: 400,
  code: 'invalidRequest',
  sentence: 'The body is no JSON-RPC 2.0 message, or nested too deep.',
};
const noBatch: Refusal = {
  status: 400,
  code: 'invalidRequest',
  sentence: 'Batches are not part of the protocol any more; send one message in each request.',
};
const tooLarge: Refusal = {
  status: 413,
  code: 'tooLarge',
  sentence: `A message may have ${MAX_BODY_BYTES} bytes at most.`,
};
const overloaded: Refusal = {
  status: 503,
  code: 'overloaded',
  sentence:
    'Too many large requests are open; the message was not carried out. Try again when some are answered.',
  headers: { 'retry-after': '1' },
};
const tooManySessions: Refusal = {
  status: 503,
  code: 'overloaded',
  sentence: `${MAX_SESSIONS} sessions are open, which is the limit. End one with DELETE, or try again later.`,
  headers: { 'retry-after': '60' },
};
const stopping: Refusal = {
  status: 503,
  code: 'stopped',
  sentence: 'MCP Lifeline is stopping; the message was not carried out.',
};
const endedMeanwhile: Refusal = {
  status: 404,
  code: 'unknownSession',
  sentence: 'The session ended before the message was complete; it was not carried out.',
};
