import { chmodSync, lstatSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createConnection, type AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { sleep, type Clock } from '../../shared/base/clock.ts';
import type { RecoverResult } from '../../shared/protocol/engineMessages.ts';
import type { Snapshot } from '../../shared/model/snapshot.ts';
import { readBody } from './httpBody.ts';
import {
  isJson,
  isOwnHost,
  isOwnOrigin,
  pathOf,
  readRoute,
  TokenCheck,
  type Refusal,
  type Route,
} from './httpChecks.ts';
import { refuse } from './httpRefusal.ts';
import { HttpSessions, SESSION_IDLE_MS, type HttpSessionsOptions } from './httpSessions.ts';
import { KEEP_ALIVE_MS } from './httpStream.ts';

/** Where to listen: a port of 127.0.0.1 (0: a free one), or the path of a Unix socket or named pipe. */
export type HttpAddress = { readonly port: number } | { readonly path: string };

export interface HttpEndpointOptions {
  readonly address: HttpAddress;
  readonly token: string;
  readonly clock: Clock;
  readonly snapshot: () => Snapshot;
  /** The metrics as Prometheus reads them; `undefined` while they are off. */
  readonly prometheus?: () => Promise<{ readonly type: string; readonly text: string } | undefined>;
  readonly recover: (server: string | undefined) => Promise<RecoverResult>;
  readonly knows: HttpSessionsOptions['knows'];
  readonly openSession: HttpSessionsOptions['open'];
  readonly log: (text: string) => void;
  readonly keepAliveMs?: number;
  readonly sessionIdleMs?: number;
}

const HOST = '127.0.0.1';
const MAX_CONNECTIONS = 1_000;
/** A head must be there after this, so that connections are not held by sending it byte by byte. */
const HEADERS_TIMEOUT_MS = 10_000;
/** The same for a whole request. */
const REQUEST_TIMEOUT_MS = 120_000;
const CHECK_INTERVAL_MS = 2_000;
/** Longer than clients keep a connection for reuse: some lose a request when the other side closes first. */
const REUSE_MS = 120_000;
/** Of requests other than messages. */
const MAX_SMALL_BODY_BYTES = 65_536;
/** Answers that are on their way when the endpoint closes get this long. */
const FLUSH_LIMIT_MS = 500;
/** Whether somebody listens on a socket that is there already. */
const CONNECT_LIMIT_MS = 1_000;

/** What clients other than VS Code connect to: every server under `/mcp/<name>`, and what is known about them. */
export class HttpEndpoint {
  readonly #options: HttpEndpointOptions;
  readonly #server: Server;
  readonly #sessions: HttpSessions;
  readonly #token: TokenCheck;
  #port: number | undefined;
  /** As a client wrote it, and found to be ours. */
  #knownHost: string | undefined;

  constructor(options: HttpEndpointOptions) {
    this.#options = options;
    this.#token = new TokenCheck(options.token);
    const { clock, keepAliveMs = KEEP_ALIVE_MS, sessionIdleMs = SESSION_IDLE_MS } = options;
    this.#sessions = new HttpSessions({
      timing: { clock, keepAliveMs },
      idleMs: sessionIdleMs,
      knows: options.knows,
      open: options.openSession,
      refuse: (request, response, refusal) => refuse(request, response, refusal, true),
    });
    this.#server = createServer(
      {
        headersTimeout: HEADERS_TIMEOUT_MS,
        requestTimeout: REQUEST_TIMEOUT_MS,
        connectionsCheckingInterval: CHECK_INTERVAL_MS,
        keepAliveTimeout: REUSE_MS,
      },
      (request, response) => void this.#onRequest(request, response),
    );
    this.#server.maxConnections = MAX_CONNECTIONS;
    this.#server.on('clientError', onClientError);
  }

  get sessions(): number {
    return this.#sessions.size;
  }

  /** Starts listening; rejects when the address is taken or cannot be used. */
  async listen(): Promise<void> {
    const { address, log } = this.#options;
    if ('path' in address) await clearStaleSocket(address.path, this.#options.clock);
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      const onListening = (): void => {
        this.#server.off('error', reject);
        this.#server.on('error', (error) => log(`the HTTP endpoint failed: ${error.message}`));
        resolve();
      };
      if ('port' in address) {
        this.#server.listen({ host: HOST, port: address.port }, onListening);
        return;
      }
      // Nobody else may connect, not even in the moment before its mode is set.
      const mask = process.umask(0o177);
      try {
        this.#server.listen({ path: address.path }, onListening);
      } finally {
        process.umask(mask);
      }
    });
    if ('path' in address && process.platform !== 'win32') chmodSync(address.path, 0o600);
    if ('port' in address) this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Where the endpoint is; `undefined` path gives the base. A socket's are written as VS Code takes them. */
  url(server?: string): string {
    const { address } = this.#options;
    const path = server === undefined ? '' : pathOf(server);
    if ('port' in address) return `http://${HOST}:${this.#port ?? address.port}${path}`;
    const fragment = path === '' ? '' : `#${path}`;
    const pipe = /^\\\\[.?]\\pipe\\(.*)$/i.exec(address.path)?.[1];
    return pipe === undefined ? `unix://${address.path}${fragment}` : `pipe:///pipe/${pipe}${fragment}`;
  }

  async #onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const route = readRoute(request.url ?? '');
    // A client that resets its connection is told of by `close`.
    request.on('error', ignore);
    response.on('error', ignore);
    try {
      const refusal = this.#checkCaller(request, route);
      if (refusal !== undefined) this.#refuse(request, response, refusal, route);
      else if (route.kind === 'mcp') await this.#sessions.handle(request, response, route.server);
      else await this.#serve(request, response, route.kind);
    } catch (error) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.#options.log(`a request failed inside MCP Lifeline: ${text}`);
      this.#refuse(request, response, failed, route);
    }
  }

  /** Who calls, and how: before anything else of the request is looked at. */
  #checkCaller(request: IncomingMessage, route: Route): Refusal | undefined {
    const { host, origin, authorization } = request.headers;
    if (host === undefined || host !== this.#knownHost) {
      if (!isOwnHost(host, this.#port)) return foreignHost;
      this.#knownHost = host;
    }
    if (!isOwnOrigin(origin, this.#port)) return foreignOrigin;
    if (route.kind === 'healthz' || this.#token.accepts(authorization)) return undefined;
    return authorization === undefined ? noToken : wrongToken;
  }

  #refuse(request: IncomingMessage, response: ServerResponse, refusal: Refusal, route: Route): void {
    if (response.headersSent) response.destroy();
    else refuse(request, response, refusal, route.kind === 'mcp');
  }

  async #serve(
    request: IncomingMessage,
    response: ServerResponse,
    kind: Exclude<Route['kind'], 'mcp'>,
  ): Promise<void> {
    const refusal = checkPlain(request, kind);
    if (refusal !== undefined) this.#refuse(request, response, refusal, { kind });
    else if (kind === 'healthz') sendJson(response, 200, { status: 'ok' });
    else if (kind === 'status') sendJson(response, 200, this.#options.snapshot());
    else if (kind === 'metrics') await this.#tellMetrics(request, response);
    else await this.#recover(request, response);
  }

  async #tellMetrics(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const metrics = await this.#options.prometheus?.();
    if (metrics === undefined) this.#refuse(request, response, metricsAreOff, { kind: 'metrics' });
    else send(response, 200, metrics);
  }

  async #recover(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request, MAX_SMALL_BODY_BYTES, () => true);
    if (body.kind === 'gone') return;
    const parsed = body.kind === 'whole' ? readRecover(body.bytes) : tooLong;
    if ('status' in parsed) this.#refuse(request, response, parsed, { kind: 'recover' });
    else if (parsed.server !== undefined && !this.#options.knows(parsed.server))
      this.#refuse(request, response, noSuchServer, { kind: 'recover' });
    else sendJson(response, 200, await this.#options.recover(parsed.server));
  }

  /** Takes no more requests, ends the sessions, and resolves when their servers have stopped. */
  async close(): Promise<void> {
    const { address, clock } = this.#options;
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const ended = this.#sessions.close();
    this.#server.closeIdleConnections();
    const limit = new AbortController();
    const late = sleep(clock, FLUSH_LIMIT_MS, limit.signal).catch(() => undefined);
    await Promise.race([closed, late]);
    limit.abort();
    this.#server.closeAllConnections();
    await ended;
    if ('path' in address && process.platform !== 'win32') rmSync(address.path, { force: true });
  }
}

function ignore(): void {
  // Who waits for the request or response is told by `close`.
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  send(response, status, { type: 'application/json', text: JSON.stringify(value) });
}

function send(
  response: ServerResponse,
  status: number,
  { type, text }: { readonly type: string; readonly text: string },
): void {
  const body = Buffer.from(text);
  const headers = { 'content-type': type, 'content-length': body.length, 'cache-control': 'no-store' };
  response.writeHead(status, headers).end(body);
}

function checkPlain(request: IncomingMessage, kind: Exclude<Route['kind'], 'mcp'>): Refusal | undefined {
  if (kind === 'unknown')
    return {
      status: 404,
      code: 'notFound',
      sentence: 'There is nothing here. Servers are under /mcp/<name>; /status tells their names.',
    };
  const wanted = kind === 'recover' ? 'POST' : 'GET';
  if (request.method !== wanted)
    return {
      status: 405,
      code: 'methodNotAllowed',
      sentence: `This address takes ${wanted}.`,
      headers: { allow: wanted },
    };
  const hasBody = Number(request.headers['content-length'] ?? 0) > 0;
  if (kind === 'recover' && hasBody && !isJson(request.headers['content-type']))
    return {
      status: 415,
      code: 'unsupportedMediaType',
      sentence: 'The body must be JSON, and Content-Type must say application/json.',
    };
  return undefined;
}

/** The body of `POST /recover`: nothing, or an object with the name of a server. */
function readRecover(bytes: Buffer): { readonly server: string | undefined } | Refusal {
  const text = bytes.toString('utf8').trim();
  if (text === '') return { server: undefined };
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      const { server } = value as Record<string, unknown>;
      if (server === undefined || (typeof server === 'string' && server.length <= 256)) return { server };
    }
  } catch {
    // answered below
  }
  return {
    status: 400,
    code: 'invalidRequest',
    sentence: 'The body must be a JSON object, empty or with the name of a server: {"server":"NAME"}.',
  };
}

/** What is no HTTP, too long or too slow gets a plain answer; there is no request to answer to. */
function onClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
  const status =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? '408 Request Timeout'
        : '400 Bad Request';
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const head = `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`;
  // Whoever does not close the other half would hold one of few connections for ever, without any token.
  socket.end(head, () => socket.destroy());
}

/** A socket file that an engine left behind when it was killed is removed; one that is in use, or is no socket, is not ours. */
async function clearStaleSocket(path: string, clock: Clock): Promise<void> {
  if (process.platform === 'win32') return;
  const info = lstatSync(path, { throwIfNoEntry: false });
  if (info === undefined) return;
  const inUse = Object.assign(new Error(`${path} is in use`), { code: 'EADDRINUSE' });
  if (!info.isSocket()) throw inUse;
  const isStale = await new Promise<boolean>((resolve) => {
    const socket = createConnection({ path });
    const finish = (stale: boolean): void => {
      timer.dispose();
      socket.destroy();
      resolve(stale);
    };
    const timer = clock.setTimer(CONNECT_LIMIT_MS, () => finish(false));
    socket.once('connect', () => finish(false));
    socket.on('error', (error: NodeJS.ErrnoException) => finish(error.code === 'ECONNREFUSED'));
  });
  if (!isStale) throw inUse;
  rmSync(path, { force: true });
}

const foreignHost: Refusal = {
  status: 403,
  code: 'foreignHost',
  sentence: 'Host must be the address of this endpoint on this machine.',
};
const foreignOrigin: Refusal = {
  status: 403,
  code: 'foreignOrigin',
  sentence: 'Pages of other origins may not use this endpoint.',
};
const noToken: Refusal = {
  status: 401,
  code: 'tokenMissing',
  sentence:
    'The token is missing: send "Authorization: Bearer TOKEN" with the token that was printed at the start.',
  headers: { 'www-authenticate': 'Bearer realm="mcp-lifeline"' },
};
const wrongToken: Refusal = {
  status: 401,
  code: 'tokenWrong',
  sentence: 'The token is not the one of this endpoint; it was printed at the start.',
  headers: { 'www-authenticate': 'Bearer realm="mcp-lifeline", error="invalid_token"' },
};
const tooLong: Refusal = {
  status: 413,
  code: 'tooLarge',
  sentence: `The body may have ${MAX_SMALL_BODY_BYTES} bytes at most.`,
};
const noSuchServer: Refusal = {
  status: 404,
  code: 'unknownServer',
  sentence: 'There is no server of that name in the settings.',
};
const metricsAreOff: Refusal = {
  status: 404,
  code: 'notFound',
  sentence:
    'Metrics are off; "lifeline": { "telemetry": { "prometheus": true } } in the file switches them on.',
};
const failed: Refusal = {
  status: 500,
  code: 'internalError',
  sentence: 'MCP Lifeline failed on this request; its log has more.',
};
