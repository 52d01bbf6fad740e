import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { NOTE_META } from '../../src/shared/protocol/answers.ts';

export interface Message {
  readonly jsonrpc?: string;
  readonly id?: string | number | null;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
}

export interface ToolResult {
  readonly content: readonly {
    readonly type: string;
    readonly text?: string;
    readonly _meta?: Readonly<Record<string, unknown>>;
  }[];
  readonly isError?: boolean;
  readonly _meta?: Record<string, Record<string, unknown>>;
}

/** The text of a tool's result, as the server gave it. */
export function textOf(result: unknown): string {
  const own = (result as ToolResult).content.filter((part) => part._meta?.[NOTE_META] === undefined);
  return own.map((part) => part.text ?? '').join('');
}

/** The text that MCP Lifeline has added to a tool's result. */
export function noteOf(result: unknown): string | undefined {
  return (result as ToolResult).content.find((part) => part._meta?.[NOTE_META] !== undefined)?.text;
}

interface Expectation {
  readonly matches: (message: Message) => boolean;
  readonly resolve: (message: Message) => void;
}

/**
 * A stdio MCP client that shows every line: what a test says goes out as it is, and everything that comes back is kept in
 * order. Speaks to whatever program it is given: a server directly, or the bridge.
 */
export class LineClient {
  readonly received: Message[] = [];
  /** Answers per id, to see that nobody answers twice. */
  readonly answers = new Map<string | number, number>();
  stderr = '';
  /** Told of each request of the server. */
  onServerRequest: ((message: Message) => void) | undefined;
  readonly child: ChildProcess;
  readonly #expectations = new Set<Expectation>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly exited: Promise<number | null>;
  #lastId = 0;
  #closed = false;

  constructor(
    command: string,
    args: readonly string[],
    options: { env?: NodeJS.ProcessEnv; cwd?: string } = {},
  ) {
    this.child = spawn(command, args, { ...options, stdio: ['pipe', 'pipe', 'pipe'] });
    this.exited = new Promise((resolve) => this.child.once('exit', (code) => resolve(code)));
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.child.stdin?.on('error', () => undefined);
    createInterface({ input: this.child.stdout! }).on('line', (line) => this.#onLine(line));
  }

  #onLine(line: string): void {
    if (this.#closed) return; // of a program that is ended while it writes, the last line is half a line
    const message = JSON.parse(line) as Message;
    this.received.push(message);
    if (message.method === undefined && message.id !== undefined && message.id !== null) {
      this.answers.set(message.id, (this.answers.get(message.id) ?? 0) + 1);
    }
    if (message.method !== undefined && message.id !== undefined) this.onServerRequest?.(message);
    for (const expectation of [...this.#expectations]) {
      if (!expectation.matches(message)) continue;
      this.#expectations.delete(expectation);
      expectation.resolve(message);
    }
  }

  /** Resolves with the first message, past or future, that matches; rejects after `limitMs`. */
  next(what: string, matches: (message: Message) => boolean, limitMs = 15_000): Promise<Message> {
    const past = this.received.find(matches);
    if (past !== undefined) return Promise.resolve(past);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        this.#expectations.delete(expectation);
        reject(new Error(`no ${what} within ${limitMs} ms\n${this.stderr}`));
      }, limitMs);
      this.#timers.add(timer);
      const expectation: Expectation = {
        matches,
        resolve: (message) => {
          clearTimeout(timer);
          this.#timers.delete(timer);
          resolve(message);
        },
      };
      this.#expectations.add(expectation);
    });
  }

  write(message: Record<string, unknown>): void {
    this.child.stdin?.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  }

  /** Sends a request and gives its id at once. */
  send(method: string, params?: Record<string, unknown>): number {
    this.#lastId += 1;
    this.write({ id: this.#lastId, method, ...(params === undefined ? {} : { params }) });
    return this.#lastId;
  }

  answerTo(id: number, limitMs?: number): Promise<Message> {
    return this.next(
      `answer to ${id}`,
      (message) => message.id === id && message.method === undefined,
      limitMs,
    );
  }

  /** Sends a request and waits for its answer. */
  request(method: string, params?: Record<string, unknown>, limitMs?: number): Promise<Message> {
    return this.answerTo(this.send(method, params), limitMs);
  }

  async initialize(capabilities: Record<string, unknown> = {}, limitMs?: number): Promise<Message> {
    const clientInfo = { name: 'line-client', version: '1.0.0' };
    const answer = await this.request(
      'initialize',
      { protocolVersion: '2025-06-18', capabilities, clientInfo },
      limitMs,
    );
    this.write({ method: 'notifications/initialized' });
    return answer;
  }

  /** Calls a tool and waits for its result. */
  async call(name: string, args: Record<string, unknown> = {}, limitMs?: number): Promise<ToolResult> {
    const answer = await this.request('tools/call', { name, arguments: args }, limitMs);
    if (answer.result === undefined) throw new Error(JSON.stringify(answer.error));
    return answer.result as unknown as ToolResult;
  }

  /** Closes the client's side and waits for the program to end. */
  async close(): Promise<void> {
    this.#closed = true;
    this.child.stdin?.end();
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 5_000);
    await this.exited;
    clearTimeout(timer);
    // A test may have stopped reading, or waiting; what is left of either would keep this process alive.
    this.child.stdout?.destroy();
    this.child.stderr?.destroy();
    for (const pending of this.#timers) clearTimeout(pending);
  }
}
