import { spawn, type ChildProcess } from 'node:child_process';
import { Answers } from './answers.ts';

/** A client that costs as little as possible: it looks for ids only, and drops what it did not ask for. */
export class Peer {
  readonly child: ChildProcess;
  readonly #answers = new Answers();
  #lastId = 0;

  constructor(
    command: string,
    args: readonly string[],
    options: {
      readonly env: NodeJS.ProcessEnv;
      readonly stderr?: 'inherit' | 'ignore' | 'pipe';
      readonly cwd?: string;
    },
  ) {
    this.child = spawn(command, args, {
      env: options.env,
      cwd: options.cwd,
      stdio: ['pipe', 'pipe', options.stderr ?? 'inherit'],
    });
    this.child.stdin!.on('error', () => undefined); // a server that has ended; its calls stay open
    this.child.stdout!.setEncoding('latin1').on('data', (chunk: string) => this.#answers.onChunk(chunk));
  }

  /** Resolves with the line of the answer. */
  request(method: string, params: unknown): Promise<string> {
    this.#lastId += 1;
    const answer = this.#answers.of(this.#lastId);
    this.child.stdin!.write(`${JSON.stringify({ jsonrpc: '2.0', id: this.#lastId, method, params })}\n`);
    return answer;
  }

  async initialize(): Promise<void> {
    const clientInfo = { name: 'bench', version: '1.0.0' };
    await this.request('initialize', { protocolVersion: '2025-06-18', capabilities: {}, clientInfo });
    this.child.stdin!.write('{"jsonrpc":"2.0","method":"notifications/initialized"}\n');
    await this.request('tools/list', {});
  }

  end(): void {
    this.child.stdin!.end();
  }
}
