import { Peer } from '../peer.ts';
import { own } from './leg.ts';

/** One client of a leg. Every answer is checked: that it is the one to this call, and whole. */
export interface Client {
  /** Calls the echo tool for a text of that many characters; throws when the answer is not that. */
  call(size: number): Promise<void>;
  close(): void | Promise<void>;
}

let lastKey = 0;

/** A call that can be told from all others. */
export function nextCall(tool: string, size: number): { key: string; params: Record<string, unknown> } {
  lastKey += 1;
  const key = `k${lastKey}`;
  return { key, params: { name: tool, arguments: { key, size } } };
}

/** More than what stands around the text of an answer. */
const FRAME = 400;
/** So many of all answers are parsed and compared character by character; the others by their beginning and length. */
const PARSED_EVERY = 1_000;

export function checkAnswer(answer: string, key: string, size: number): void {
  const isRight = answer.includes(`"text":"${key}:`) && answer.length > size && answer.length < size + FRAME;
  if (!isRight) throw new Error(`wrong answer to ${key}: ${answer.slice(0, 300)}`);
  if (lastKey % PARSED_EVERY !== 0) return;
  const { result } = JSON.parse(answer.slice(answer.indexOf('{'))) as {
    result: { content: readonly { text: string }[] };
  };
  if (result.content[0]?.text !== `${key}:`.padEnd(size, 'x')) throw new Error(`altered answer to ${key}`);
}

/** A client that starts a program and speaks to it as an editor does: one write for each message. */
export class StdioClient implements Client {
  readonly peer: Peer;
  readonly #tool: string;

  constructor(
    args: readonly string[],
    options: { readonly env?: NodeJS.ProcessEnv; readonly cwd?: string; readonly tool?: string } = {},
  ) {
    const { env = process.env, cwd, tool = 'read' } = options;
    this.peer = new Peer(process.execPath, args, {
      env,
      stderr: 'ignore',
      ...(cwd === undefined ? {} : { cwd }),
    });
    own(this.peer.child);
    this.#tool = tool;
  }

  get pid(): number {
    return this.peer.child.pid!;
  }

  async initialize(): Promise<this> {
    await this.peer.initialize();
    return this;
  }

  async call(size: number): Promise<void> {
    const { key, params } = nextCall(this.#tool, size);
    checkAnswer(await this.peer.request('tools/call', params), key, size);
  }

  close(): void {
    this.peer.end();
  }
}
