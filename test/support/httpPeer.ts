import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { randomUUID } from 'node:crypto';

/** One request that an `HttpPeer` got. */
export interface PeerRequest {
  readonly httpMethod: string;
  readonly headers: IncomingMessage['headers'];
  readonly url: string;
  readonly raw: string;
  /** The message, where the body was one. */
  readonly message: Record<string, unknown>;
  /** JSON-RPC method. */
  readonly method: string | undefined;
  /** Name of the tool that is called. */
  readonly tool: string | undefined;
  /** The port of the client's end: tells connections apart. */
  readonly port: number;
}

/** Answers a request by itself; `true` when it did. */
export type PeerHook = (request: PeerRequest, response: ServerResponse) => boolean | undefined;

const tools = [
  { name: 'echo', inputSchema: { type: 'object' } },
  { name: 'read', inputSchema: { type: 'object' }, annotations: { readOnlyHint: true } },
];

/** A Streamable HTTP server on a real socket whose every answer a test can replace. */
export class HttpPeer {
  readonly requests: PeerRequest[] = [];
  readonly sessions = new Set<string>();
  hook: PeerHook = () => undefined;
  withSessions = true;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #port = 0;

  constructor() {
    this.#server = createServer((request, response) => void this.#onRequest(request, response));
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  /** Listens again on the same port after `stop`. */
  async start(): Promise<this> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#port, '127.0.0.1', () => resolve());
    });
    this.#port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get url(): string {
    return `${this.origin}/mcp`;
  }

  /** How often a tool was executed. */
  executions(tool: string): number {
    return this.requests.filter((request) => request.tool === tool).length;
  }

  count(method: string): number {
    return this.requests.filter((request) => request.method === method).length;
  }

  /** Stops listening and cuts every connection, as a crash does; the sessions are lost. */
  async stop(): Promise<void> {
    this.sessions.clear();
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #onRequest(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    let raw = '';
    for await (const chunk of incoming.setEncoding('utf8')) raw += String(chunk);
    let message: Record<string, unknown> = {};
    try {
      message = JSON.parse(raw) as Record<string, unknown>;
    } catch {
      // GET and DELETE have no body
    }
    const params = message['params'] as Record<string, unknown> | undefined;
    const method = typeof message['method'] === 'string' ? message['method'] : undefined;
    const request: PeerRequest = {
      httpMethod: incoming.method ?? '',
      headers: incoming.headers,
      url: incoming.url ?? '',
      raw,
      message,
      method,
      tool: method === 'tools/call' ? String(params?.['name']) : undefined,
      port: incoming.socket.remotePort ?? 0,
    };
    this.requests.push(request);
    if (this.hook(request, response) === true) return;
    this.#answer(request, response);
  }

  #answer(request: PeerRequest, response: ServerResponse): void {
    const { method, message, headers } = request;
    const session = headers['mcp-session-id'];
    if (method === 'initialize') {
      const id = randomUUID();
      if (this.withSessions) {
        this.sessions.add(id);
        response.setHeader('mcp-session-id', id);
      }
      const params = message['params'] as Record<string, unknown>;
      sendJson(response, message['id'], {
        protocolVersion: params['protocolVersion'],
        capabilities: { tools: {} },
        serverInfo: { name: 'peer', version: '1.0.0' },
      });
      return;
    }
    if (this.withSessions && !this.sessions.has(String(session))) {
      response.writeHead(404).end();
      return;
    }
    if (request.httpMethod === 'DELETE') {
      this.sessions.delete(String(session));
      response.writeHead(200).end();
      return;
    }
    if (request.httpMethod === 'GET') {
      response.writeHead(405).end();
      return;
    }
    if (message['id'] === undefined || method === undefined) {
      response.writeHead(202).end();
      return;
    }
    const result =
      method === 'tools/list'
        ? { tools }
        : method === 'tools/call'
          ? { content: [{ type: 'text', text: `${request.tool ?? ''} done` }] }
          : {};
    sendJson(response, message['id'], result);
  }
}

/** A JSON-RPC result as a JSON body. */
export function sendJson(response: ServerResponse, id: unknown, result: unknown): void {
  response.setHeader('content-type', 'application/json');
  // On several lines, as some servers write it.
  response.end(JSON.stringify({ jsonrpc: '2.0', id, result }, undefined, 2));
}

/** One event of a stream. */
export function sse(message: unknown, id?: string): string {
  return `${id === undefined ? '' : `id: ${id}\n`}data: ${typeof message === 'string' ? message : JSON.stringify(message)}\n\n`;
}
