import type { Readable, Writable } from 'node:stream';
import * as z from 'zod/mini';
import type { Clock } from '../../shared/base/clock.ts';
import type { Disposable } from '../../shared/base/disposable.ts';
import { LineSplitter } from '../../shared/protocol/lineSplitter.ts';
import { ApiError } from './apiError.ts';

/** Longer answers are dropped; whoever waits for one runs into its deadline. */
const MAX_LINE_BYTES = 64 * 1_048_576;
const MAX_TOOLS = 10_000;
const MAX_PAGES = 100;

const answerSchema = z.object({
  id: z.int(),
  result: z.optional(z.record(z.string(), z.unknown())),
  error: z.optional(z.object({ code: z.number(), message: z.string() })),
});
const requestSchema = z.object({ id: z.union([z.string(), z.number()]), method: z.string() });
const toolsSchema = z.object({
  tools: z
    .array(
      z.object({
        name: z.string(),
        annotations: z.optional(z.object({ readOnlyHint: z.optional(z.boolean()) })),
      }),
    )
    .check(z.maxLength(MAX_TOOLS)),
  nextCursor: z.optional(z.string()),
});

export interface ListedTool {
  readonly name: string;
  readonly isReadOnly: boolean;
}

/** A bridge that was started for one server. */
export interface BridgeProcess {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Calls back once it is gone. */
  onExit(listener: () => void): void;
  end(): void;
}

interface Waiting {
  /** Handed over: without an answer nobody knows what became of it. */
  readonly isCall: boolean;
  readonly resolve: (result: Record<string, unknown>) => void;
  readonly reject: (error: Error) => void;
}

export interface Limits {
  /** On the clock of the session. */
  readonly deadlineAt: number;
  readonly signal: AbortSignal;
}

/**
 * An MCP session with one server, through the bridge, as the editor's own client has one: what waits, is tried again and is never run twice is
 * the engine's work. Nothing is ever sent again from here.
 */
export class ToolSession implements Disposable {
  readonly #bridge: BridgeProcess;
  readonly #clock: Clock;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #isOver = false;
  #initialized: Promise<void> | undefined;

  constructor(bridge: BridgeProcess, clock: Clock) {
    this.#bridge = bridge;
    this.#clock = clock;
    const splitter = new LineSplitter(MAX_LINE_BYTES, () => undefined);
    bridge.stdout.on('data', (chunk: Uint8Array) => {
      for (const line of splitter.push(chunk)) this.#onLine(line);
    });
    bridge.stdin.on('error', () => this.#end());
    bridge.onExit(() => this.#end());
  }

  /** A session that is over is not used again. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Calls that have no answer yet. */
  get open(): number {
    return this.#waiting.size;
  }

  /** The tool as the server lists it now; `undefined` when it lists none of that name. */
  async findTool(name: string, limits: Limits): Promise<ListedTool | undefined> {
    await this.#ready(limits);
    let cursor: string | undefined;
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const result = await this.#request('tools/list', cursor === undefined ? {} : { cursor }, limits);
      const parsed = toolsSchema.safeParse(result);
      if (!parsed.success) throw new ApiError('serverError', 'The list of its tools cannot be read.');
      const found = parsed.data.tools.find((tool) => tool.name === name);
      if (found !== undefined) return { name, isReadOnly: found.annotations?.readOnlyHint === true };
      cursor = parsed.data.nextCursor;
      if (cursor === undefined) return undefined;
    }
    return undefined;
  }

  async callTool(
    name: string,
    args: Readonly<Record<string, unknown>>,
    limits: Limits,
  ): Promise<Record<string, unknown>> {
    await this.#ready(limits);
    return this.#request('tools/call', { name, arguments: args }, limits);
  }

  dispose(): void {
    this.#bridge.end();
    this.#end();
  }

  async #ready(limits: Limits): Promise<void> {
    this.#initialized ??= this.#request(
      'initialize',
      {
        protocolVersion: '2025-06-18',
        capabilities: {},
        clientInfo: { name: 'mcp-lifeline-api', version: '1' },
      },
      limits,
    ).then(() => this.#send({ method: 'notifications/initialized' }));
    try {
      await this.#initialized;
    } catch (error) {
      // Without its handshake it is of no use to anybody.
      this.dispose();
      throw error;
    }
  }

  #request(method: string, params: unknown, limits: Limits): Promise<Record<string, unknown>> {
    if (this.#isOver) return Promise.reject(lostError(false));
    if (limits.signal.aborted) return Promise.reject(cancelledError());
    this.#lastId += 1;
    const id = this.#lastId;
    const isCall = method === 'tools/call';
    return new Promise<Record<string, unknown>>((resolve, reject) => {
      const giveUp = (error: ApiError): void => {
        if (!this.#waiting.delete(id)) return;
        if (method !== 'initialize')
          this.#send({
            method: 'notifications/cancelled',
            params: { requestId: id, reason: error.message },
          });
        settle(() => reject(error));
      };
      const onAbort = (): void => giveUp(cancelledError());
      const timer = this.#clock.setTimer(Math.max(0, limits.deadlineAt - this.#clock.now()), () =>
        giveUp(
          new ApiError(
            'requestTimeout',
            isCall
              ? 'No answer came in time. The call was cancelled; it may have been carried out.'
              : 'The server was not there in time. The call was not made.',
          ),
        ),
      );
      const settle = (then: () => void): void => {
        timer.dispose();
        limits.signal.removeEventListener('abort', onAbort);
        then();
      };
      limits.signal.addEventListener('abort', onAbort, { once: true });
      this.#waiting.set(id, {
        isCall,
        resolve: (result) => settle(() => resolve(result)),
        reject: (error) => settle(() => reject(error)),
      });
      this.#send({ id, method, params });
    });
  }

  #send(message: object): void {
    if (!this.#isOver) this.#bridge.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  }

  #onLine(line: Uint8Array): void {
    let message: unknown;
    try {
      message = JSON.parse(new TextDecoder().decode(line));
    } catch {
      return; // no message: whoever waits runs into its deadline
    }
    const request = requestSchema.safeParse(message);
    if (request.success) {
      this.#answer(request.data);
      return;
    }
    const answer = answerSchema.safeParse(message);
    if (!answer.success) return;
    const { id, result, error } = answer.data;
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error !== undefined) waiting?.reject(new ApiError('serverError', error.message));
    else waiting?.resolve(result ?? {});
  }

  /** Nobody is there who could be asked for anything. */
  #answer({ id, method }: { readonly id: string | number; readonly method: string }): void {
    if (method === 'ping') this.#send({ id, result: {} });
    else this.#send({ id, error: { code: -32_601, message: `This client does not know ${method}.` } });
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { isCall, reject } of waiting) reject(lostError(isCall));
  }
}

function lostError(isCall: boolean): ApiError {
  return isCall
    ? new ApiError(
        'outcomeUnknown',
        'The connection ended before the answer came; the call may have been carried out.',
      )
    : new ApiError('engineUnavailable', 'The connection to the server ended. The call was not made.');
}

function cancelledError(): ApiError {
  return new ApiError('cancelled', 'It was cancelled by whoever asked for it.');
}
