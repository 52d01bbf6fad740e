import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { systemClock } from '../../src/shared/base/clock.ts';
import { connectToEngine } from '../../src/endpoint/connect.ts';
import type { EndpointInfo } from '../../src/endpoint/endpointFile.ts';
import { toldBy, type Told } from './ledger.ts';
import type { Message } from './lineClient.ts';

interface Line {
  write(text: string): void;
  /** Takes leave, as a client does that ends. */
  end(): void;
  kill(): void;
  readonly closed: Promise<unknown>;
}

interface Waiting {
  readonly resolve: (message: Message | 'cancelled' | 'left' | 'lost') => void;
  readonly timer: NodeJS.Timeout;
}

/** What a call had to wait for at most, where nothing else is said: the default deadline, and the time to say so. */
const LIMIT_MS = 90_000;

/**
 * A client that makes thousands of calls: through a bridge, or straight on the engine's socket where a process for each would be too much. Keeps only
 * what is open.
 */
export class CallClient {
  readonly child: ChildProcess | undefined;
  readonly #line: Line;
  readonly #waiting = new Map<number, Waiting>();
  readonly #cancelled = new Set<number>();
  #lastId = 0;
  #rest = '';
  #isOver = false;
  /** Answers that nobody waited for: a request was answered twice, or after it was given up. */
  surplus = 0;

  private constructor(open: (onData: (text: string) => void) => Line, child?: () => ChildProcess) {
    this.#line = open((text) => this.#onData(text));
    this.child = child?.();
    void this.#line.closed.then(() => this.#giveUp());
  }

  /** A program that speaks MCP on its stdin and stdout. */
  static program(args: readonly string[], env: NodeJS.ProcessEnv): CallClient {
    const child = spawn(process.execPath, args, { env, stdio: ['pipe', 'pipe', 'ignore'] });
    child.stdin.on('error', () => undefined); // it was killed; its calls are given up
    const closed = new Promise((resolve) => child.once('close', resolve));
    return new CallClient(
      (onData) => {
        child.stdout.setEncoding('utf8').on('data', onData);
        return {
          write: (text) => child.stdin.write(text),
          end: () => child.stdin.end(),
          kill: () => child.kill('SIGKILL'),
          closed,
        };
      },
      () => child,
    );
  }

  /** A session without a bridge. It does not outlive its engine. */
  static async socket(endpoint: EndpointInfo, server: string): Promise<CallClient> {
    const hello = {
      role: 'bridge' as const,
      server,
      session: randomUUID(),
      resume: undefined,
      journalReliable: true,
    };
    const { socket } = await connectToEngine(endpoint, hello, { clock: systemClock, timeoutMs: 30_000 });
    socket.on('error', () => undefined); // always followed by close
    const closed = new Promise((resolve) => socket.once('close', resolve));
    const client = new CallClient((onData) => {
      socket.setEncoding('utf8').on('data', onData);
      return {
        write: (text) => socket.write(text),
        end: () => socket.end('!bye\n'),
        kill: () => socket.destroy(),
        closed,
      };
    });
    socket.resume();
    return client;
  }

  #onData(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '' || line.startsWith('!')) continue;
      const message = JSON.parse(line) as Message;
      if (message.method !== undefined || typeof message.id !== 'number') continue;
      if (!this.#settle(message.id, message) && !this.#cancelled.delete(message.id)) this.surplus += 1;
    }
  }

  #settle(id: number, outcome: Parameters<Waiting['resolve']>[0]): boolean {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return false;
    this.#waiting.delete(id);
    clearTimeout(waiting.timer);
    waiting.resolve(outcome);
    return true;
  }

  #giveUp(): void {
    this.#isOver = true;
    for (const id of [...this.#waiting.keys()]) this.#settle(id, 'left');
  }

  get open(): number {
    return this.#waiting.size;
  }

  #request(
    method: string,
    params: unknown,
    { limitMs = LIMIT_MS, cancelAfterMs }: { limitMs?: number; cancelAfterMs?: number | undefined } = {},
  ): Promise<Message | 'cancelled' | 'left' | 'lost'> {
    if (this.#isOver) return Promise.resolve('left');
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#settle(id, 'lost'), limitMs);
      this.#waiting.set(id, { resolve, timer });
      if (cancelAfterMs !== undefined) setTimeout(() => this.#cancel(id), cancelAfterMs).unref();
      this.#line.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`);
    });
  }

  #cancel(id: number): void {
    if (!this.#settle(id, 'cancelled')) return;
    this.#cancelled.add(id); // its answer may be on its way
    const params = { requestId: id, reason: 'not wanted any more' };
    this.#line.write(`${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params })}\n`);
  }

  async initialize(limitMs?: number): Promise<this> {
    const clientInfo = { name: 'call-client', version: '1.0.0' };
    const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo };
    const answer = await this.#request('initialize', params, limitMs === undefined ? {} : { limitMs });
    if (typeof answer === 'string' || answer.result === undefined)
      throw new Error(`initialize: ${JSON.stringify(answer)}`);
    this.#line.write('{"jsonrpc":"2.0","method":"notifications/initialized"}\n');
    await this.#request('tools/list', {});
    return this;
  }

  /** Calls a tool; never rejects. */
  async call(
    name: string,
    args: Record<string, unknown>,
    options: { limitMs?: number; cancelAfterMs?: number | undefined } = {},
  ): Promise<Told> {
    const answer = await this.#request('tools/call', { name, arguments: args }, options);
    return typeof answer === 'string' ? { kind: answer } : toldBy(answer);
  }

  /** Leaves in order. */
  async end(): Promise<void> {
    this.#line.end();
    const timer = setTimeout(() => this.#line.kill(), 5_000);
    await this.#line.closed;
    clearTimeout(timer);
  }

  /** Dies with its calls. */
  async kill(): Promise<void> {
    this.#line.kill();
    await this.#line.closed;
  }
}
