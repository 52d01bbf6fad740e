import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import {
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ClientRequest,
} from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { enginePath, until } from './testEngine.ts';
import type { Message } from './lineClient.ts';

/** The line that `serve` prints when it is ready. */
export interface ReadyLine {
  readonly url: string;
  readonly token: string;
  readonly pid: number;
  readonly endpoint: string;
  readonly servers: Readonly<Record<string, { readonly url: string }>>;
}

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program under way, with what it has said so far. */
export class Running {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';
  readonly exited: Promise<number | null>;

  constructor(
    args: readonly string[],
    options: {
      readonly env: NodeJS.ProcessEnv;
      readonly cwd: string;
      readonly nodeArgs?: readonly string[] | undefined;
    },
  ) {
    const { env, cwd, nodeArgs = [] } = options;
    this.child = spawn(process.execPath, [...nodeArgs, enginePath, ...args], {
      env,
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.exited = once(this.child, 'close').then(([code]) => code as number | null);
  }

  get hasExited(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** Its exit code; an error when it does not end in time. */
  async end(limitMs = 20_000): Promise<number | null> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`still running after ${limitMs} ms\n${this.stderr}`)),
        limitMs,
      );
    });
    try {
      return await Promise.race([this.exited, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** A private home with stand-alone engines of one test; everything it started is ended by `dispose`. */
export class StandaloneBed {
  readonly home = mkdtempSync(join(tmpdir(), 'lifeline-'));
  readonly configFile = join(this.home, 'servers.json');
  readonly #running: Running[] = [];

  writeConfig(config: unknown): string {
    writeFileSync(this.configFile, typeof config === 'string' ? config : JSON.stringify(config));
    return this.configFile;
  }

  environment(extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
    return { ...process.env, MCP_LIFELINE_TOKEN: '', MCP_LIFELINE_HOME: this.home, ...extra };
  }

  /** Starts the program with any arguments. */
  start(args: readonly string[], env: NodeJS.ProcessEnv = {}, nodeArgs?: readonly string[]): Running {
    const running = new Running(args, { env: this.environment(env), cwd: this.home, nodeArgs });
    this.#running.push(running);
    return running;
  }

  /** Runs the program to its end. */
  async run(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Finished> {
    const running = this.start(args, env);
    const code = await running.end();
    return { code, stdout: running.stdout, stderr: running.stderr };
  }

  /** `serve` with a configuration, when it is ready. */
  async serve(
    config: unknown,
    options: {
      readonly args?: readonly string[];
      readonly env?: NodeJS.ProcessEnv;
      readonly nodeArgs?: readonly string[];
    } = {},
  ): Promise<{ ready: ReadyLine; running: Running }> {
    const args = ['serve', '--config', this.writeConfig(config), ...(options.args ?? [])];
    const running = this.start(args, options.env, options.nodeArgs);
    await until('the ready line', () => {
      if (running.hasExited) throw new Error(`serve ended with ${running.child.exitCode}: ${running.stderr}`);
      return running.stdout.includes('\n');
    });
    return { ready: JSON.parse(running.stdout) as ReadyLine, running };
  }

  async dispose(): Promise<void> {
    for (const running of this.#running) {
      if (running.hasExited) continue;
      running.child.kill('SIGTERM');
      await running.end(10_000).catch(() => running.child.kill('SIGKILL'));
    }
    rmSync(this.home, { recursive: true, force: true });
  }
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** A response that is still coming. */
export class OpenResponse {
  readonly request: ClientRequest;
  readonly response: IncomingMessage;
  text = '';
  ended = false;

  constructor(request: ClientRequest, response: IncomingMessage) {
    this.request = request;
    this.response = response;
    response.setEncoding('utf8').on('data', (text: string) => (this.text += text));
    response.on('end', () => (this.ended = true)).on('error', () => undefined);
  }

  /** The messages of an event stream so far. */
  get messages(): Message[] {
    return messagesOf(this.text);
  }

  /** Waits until its text is as wanted. */
  async until(what: string, wanted: (open: this) => boolean, limitMs?: number): Promise<this> {
    await until(what, () => wanted(this), limitMs);
    return this;
  }

  close(): void {
    this.request.destroy();
  }
}

/** The JSON-RPC messages of an event stream; an event without data is none. */
export function messagesOf(text: string): Message[] {
  return [...text.matchAll(/^data: (.+)$/gm)].map(([, data = '']) => JSON.parse(data) as Message);
}

export interface RawRequest {
  readonly method?: string;
  readonly headers?: Record<string, string | undefined>;
  readonly body?: string | Buffer;
}

/** Sends one request as it is, over a connection of its own; resolves with the head of the response. */
export function open(url: string, { method = 'GET', headers = {}, body }: RawRequest): Promise<OpenResponse> {
  return new Promise((resolve, reject) => {
    const given = Object.fromEntries(
      Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    );
    const isChunked = given['transfer-encoding'] !== undefined;
    const length =
      body === undefined || isChunked ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const request = httpRequest(url, { method, headers: { ...length, ...given }, agent: false });
    request.setTimeout(30_000, () => request.destroy(new Error(`${method} ${url}: no answer in 30 s`)));
    request.once('response', (response) => resolve(new OpenResponse(request, response)));
    request.on('error', reject);
    request.end(body);
  });
}

/** The whole answer to one request. */
export async function send(url: string, request: RawRequest): Promise<HttpAnswer> {
  const opened = await open(url, request);
  await opened.until('the end of the response', ({ ended }) => ended, 30_000);
  const { statusCode = 0, headers } = opened.response;
  return { status: statusCode, headers, text: opened.text };
}

/** A client of one server over HTTP that shows every response. */
export class RawSession {
  readonly url: string;
  readonly #token: string;
  id: string | undefined;

  constructor(url: string, token: string) {
    this.url = url;
    this.#token = token;
  }

  headers(extra: RawRequest['headers'] = {}): Record<string, string | undefined> {
    return {
      authorization: `Bearer ${this.#token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-session-id': this.id,
      ...extra,
    };
  }

  async initialize(capabilities: Record<string, unknown> = {}): Promise<HttpAnswer> {
    const params = {
      protocolVersion: '2025-11-25',
      capabilities,
      clientInfo: { name: 'raw', version: '1.0.0' },
    };
    const answer = await this.post({ id: 'init', method: 'initialize', params });
    const id = answer.headers['mcp-session-id'];
    this.id = typeof id === 'string' ? id : undefined;
    await this.post({ method: 'notifications/initialized' });
    return answer;
  }

  post(message: Record<string, unknown> | string, headers: RawRequest['headers'] = {}): Promise<HttpAnswer> {
    return send(this.url, { method: 'POST', headers: this.headers(headers), body: bodyOf(message) });
  }

  openPost(message: Record<string, unknown>, headers: RawRequest['headers'] = {}): Promise<OpenResponse> {
    return open(this.url, { method: 'POST', headers: this.headers(headers), body: bodyOf(message) });
  }

  openStream(headers: RawRequest['headers'] = {}): Promise<OpenResponse> {
    return open(this.url, {
      headers: this.headers({ accept: 'text/event-stream', 'content-type': undefined, ...headers }),
    });
  }

  /** Calls a tool; the answer, however it came. */
  async call(id: number, name: string, args: Record<string, unknown> = {}, meta?: Record<string, unknown>) {
    const params = { name, arguments: args, ...(meta === undefined ? {} : { _meta: meta }) };
    return this.post({ id, method: 'tools/call', params });
  }

  end(): Promise<HttpAnswer> {
    return send(this.url, { method: 'DELETE', headers: this.headers() });
  }
}

function bodyOf(message: Record<string, unknown> | string): string {
  return typeof message === 'string' ? message : JSON.stringify({ jsonrpc: '2.0', ...message });
}

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
