import { spawn, type ChildProcess } from 'node:child_process';

/** A client that costs as little as possible: it looks for ids only, and drops what it did not ask for. */
export class Peer {
  readonly child: ChildProcess;
  readonly #waiting = new Map<number, (line: string) => void>();
  #lastId = 0;
  #rest = '';

  constructor(
    command: string,
    args: readonly string[],
    options: { readonly env: NodeJS.ProcessEnv; readonly stderr?: 'inherit' | 'ignore' | 'pipe' },
  ) {
    this.child = spawn(command, args, {
      env: options.env,
      stdio: ['pipe', 'pipe', options.stderr ?? 'inherit'],
    });
    this.child.stdin!.on('error', () => undefined); // a server that has ended; its calls stay open
    this.child.stdout!.setEncoding('latin1').on('data', (chunk: string) => this.#onChunk(chunk));
  }

  #onChunk(chunk: string): void {
    // A line that is not over yet is kept without being read; a gigabyte of it is not kept.
    if (!chunk.includes('\n')) {
      if (this.#rest.length < 200_000_000) this.#rest += chunk;
      return;
    }
    const lines = (this.#rest + chunk).split('\n');
    this.#rest = lines.pop() ?? '';
    if (this.#waiting.size === 0) return;
    for (const line of lines) {
      const id = /"id":(\d+)/.exec(line.slice(0, 40))?.[1] ?? /"id":(\d+)\}$/.exec(line.slice(-40))?.[1];
      const done = this.#waiting.get(Number(id));
      this.#waiting.delete(Number(id));
      done?.(line);
    }
  }

  /** Resolves with the line of the answer. */
  request(method: string, params: unknown): Promise<string> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.child.stdin!.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`);
    });
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
