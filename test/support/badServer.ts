import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { OUTCOME_META } from '../../src/shared/protocol/answers.ts';
import { textOf, type LineClient, type ToolResult } from './lineClient.ts';
import { projectRoot, scripted, TestBed, type ControlClient } from './testEngine.ts';

const badServer = join(projectRoot, 'test', 'servers', 'bad.mjs');
const badHttpServer = join(projectRoot, 'test', 'servers', 'badHttp.mjs');

/**
 * A server that was well, so that its tools are known, and then is bad; an engine, a session with it, and a healthy neighbour.
 */
export class BadServerBed {
  readonly bed = new TestBed();
  control!: ControlClient;
  client!: LineClient;
  neighbour!: LineClient;
  enginePid = 0;
  readonly #modeFile = join(this.bed.home, 'mode');
  readonly #command = join(this.bed.home, 'server');
  #http: ChildProcess | undefined;

  get #env(): Record<string, string> {
    return { MODE_FILE: this.#modeFile, RECORD: this.bed.record };
  }

  async start(kind: 'stdio' | 'http', lifeline: Record<string, unknown> = {}): Promise<void> {
    const { bed } = this;
    symlinkSync(process.execPath, this.#command);
    const entry =
      kind === 'stdio'
        ? { command: this.#command, args: [badServer], env: this.#env, lifeline }
        : { type: 'http', url: await this.#startHttp(), lifeline };
    bed.configure({ bad: entry, good: scripted() }, { retryBackoffBase: 0.1 });
    const started = await bed.startEngine();
    this.control = started.control;
    this.enginePid = started.pid;
    this.neighbour = await bed.session('good');
    this.client = await bed.session('bad');
    await this.control.server('bad', ({ catalogue }) => (catalogue?.tools ?? 0) > 0);
    await this.call('echo');
  }

  async #startHttp(): Promise<string> {
    const child = spawn(process.execPath, [badHttpServer], {
      env: { ...process.env, ...this.#env },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#http = child;
    const [url] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
    return url.trim();
  }

  /** The next life of the process, or the next request over HTTP, is bad. */
  async turn(mode: string): Promise<void> {
    writeFileSync(this.#modeFile, mode);
    if (this.#http === undefined) await this.kill();
  }

  /** Takes the program away; what runs of it is ended. */
  async remove(): Promise<void> {
    if (this.#http === undefined) unlinkSync(this.#command);
    await this.kill();
  }

  /** Ends the server's process, and waits until that is noticed. */
  async kill(): Promise<void> {
    if (this.#http !== undefined) {
      const exited = once(this.#http, 'exit');
      this.#http.kill('SIGKILL');
      await exited;
      return;
    }
    const [pid] = (await this.control.server('bad', ({ pids }) => pids.length > 0)).pids;
    process.kill(pid!, 'SIGKILL');
    await this.control.server('bad', ({ pids }) => pids[0] !== pid);
  }

  call(name: string, limitMs = 10_000): Promise<ToolResult> {
    return this.client.call(name, { key: 'k' }, limitMs);
  }

  /** A healthy server is answered for in time, whatever the other does. */
  async neighbourIsServed(): Promise<boolean> {
    return textOf(await this.neighbour.call('echo', { key: 'n' }, 5_000)) === 'n';
  }

  get engineMb(): number {
    return residentMb(this.enginePid);
  }

  get bridgeMb(): number {
    return residentMb(this.client.child.pid!);
  }

  get log(): string {
    const folder = join(this.bed.home, 'logs');
    if (!existsSync(folder)) return '';
    return readdirSync(folder)
      .map((name) => readFileSync(join(folder, name), 'utf8'))
      .join('');
  }

  async dispose(): Promise<void> {
    this.#http?.kill('SIGKILL');
    await this.bed.dispose();
  }
}

function residentMb(pid: number): number {
  const kb = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Math.round(Number(kb) / 1_024);
}

/** What became of a call that the layer itself answered. */
export function codeOf(result: ToolResult): unknown {
  return result._meta?.[OUTCOME_META]?.['code'];
}
