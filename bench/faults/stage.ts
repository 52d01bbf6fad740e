import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { seededRandom, type Random } from '../../src/shared/base/random.ts';
import type { ServerSnapshot } from '../../src/shared/model/snapshot.ts';
import { CallClient } from '../../test/support/callClient.ts';
import { probed, processesOf } from '../../test/support/engineProbe.ts';
import { Ledger, type Told } from '../../test/support/ledger.ts';
import {
  bridgePath,
  projectRoot,
  TestBed,
  until,
  type ControlClient,
  type ServerEntry,
} from '../../test/support/testEngine.ts';

const countingServer = join(projectRoot, 'test', 'servers', 'counting.mjs');

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What a client waits that was refused. */
const REFUSED_PAUSE_MS = 200;

/** Names of the counting server's tools with how often each is called, relative to the others. */
export type Mix = Readonly<Record<string, number>>;
export const EVERY_KIND: Mix = { safe: 1, idempotent: 1, other: 1 };

export interface CallOptions {
  readonly ms?: number;
  readonly never?: boolean;
  readonly cancelAfterMs?: number | undefined;
  readonly limitMs?: number;
}

/**
 * What one row plays on: an engine that is started again when it dies, as the extension does, its clients, and the ledger of their calls.
 */
export class Stage {
  readonly bed = new TestBed('faults');
  readonly ledger = new Ledger();
  readonly random: Random;
  readonly modeFile = join(this.bed.home, 'mode');
  readonly probeSocket = join(this.bed.home, 'probe.sock');
  readonly clients: CallClient[] = [];
  /** Where servers write down what they execute. */
  recordFile = this.bed.record;
  control!: ControlClient;
  enginePid = 0;
  engineStarts = 0;
  /** Lists that its clients asked for when they came. */
  lists = 0;
  readonly #ends: (() => unknown)[] = [];
  readonly #lastEnds: (() => unknown)[] = [];
  #isOver = false;
  #isProbed = false;
  #starting: Promise<unknown> = Promise.resolve();
  #successes: { readonly at: number; readonly began: number }[] = [];

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  /** A settings entry of the counting server over stdio. */
  stdio(lifeline: Record<string, unknown> = {}, env: Record<string, string> = {}): ServerEntry {
    return { command: process.execPath, args: [countingServer], env: { ...this.env, ...env }, lifeline };
  }

  get env(): Record<string, string> {
    return { RECORD: this.recordFile, MODE_FILE: this.modeFile };
  }

  /** How servers behave that start from now on. */
  turn(mode: string): void {
    writeFileSync(this.modeFile, mode);
  }

  async start(
    servers: Record<string, ServerEntry>,
    connection: Record<string, unknown> = {},
    { probe = false, env = {} }: { readonly probe?: boolean; readonly env?: NodeJS.ProcessEnv } = {},
  ): Promise<this> {
    this.bed.configure(servers, connection);
    this.#isProbed = probe;
    await this.#startEngine(env);
    return this;
  }

  async #startEngine(env: NodeJS.ProcessEnv = {}): Promise<void> {
    const options = this.#isProbed ? probed(this.probeSocket) : { nodeArgs: [], env: {} };
    const started = await this.bed.startEngine({ ...options, env: { ...options.env, ...env } });
    this.engineStarts += 1;
    this.control = started.control;
    this.enginePid = started.pid;
    const again = (): void => {
      this.#starting = this.#restartEngine(env);
    };
    // Killed while it was being started: the event has been.
    if (started.child.exitCode !== null || started.child.signalCode !== null) again();
    else started.child.once('exit', again);
  }

  /** Resolves when an engine that is being started again is up. */
  get whenUp(): Promise<unknown> {
    return this.#starting;
  }

  /** At once, then again and again, as it may not be possible now (a full disk). */
  async #restartEngine(env: NodeJS.ProcessEnv): Promise<void> {
    while (!this.#isOver) {
      try {
        await this.#startEngine(env);
        return;
      } catch {
        await pause(250);
      }
    }
  }

  /** Ends the engine; the next one is up. */
  async killEngine(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const before = this.engineStarts;
    process.kill(this.enginePid, signal);
    await until('the next engine', () => this.engineStarts > before, 30_000);
  }

  async bridge(server: string): Promise<CallClient> {
    const args = [bridgePath, '--server', server, '--window', this.bed.window];
    const client = CallClient.program(args, this.bed.environment);
    this.clients.push(client);
    this.lists += 1;
    return client.initialize();
  }

  /** A session without a bridge. */
  async socket(server: string): Promise<CallClient> {
    const client = await CallClient.socket(this.bed.endpoint!, server);
    this.clients.push(client);
    this.lists += 1;
    return client.initialize();
  }

  bridges(server: string, count: number): Promise<CallClient[]> {
    return Promise.all(Array.from({ length: count }, () => this.bridge(server)));
  }

  server(name: string): Promise<ServerSnapshot> {
    return this.control.server(name, () => true);
  }

  /** The servers' processes, when there are so many. */
  async pids(name: string, count = 1): Promise<readonly number[]> {
    return (await this.control.server(name, ({ pids }) => pids.length >= count, 30_000)).pids;
  }

  async call(client: CallClient, tool: string, options: CallOptions = {}): Promise<Told> {
    const key = this.ledger.begin(tool);
    const { ms, never, ...rest } = options;
    const began = performance.now();
    const told = await client.call(tool, { key, ms, never }, rest);
    this.ledger.end(key, told);
    if (told.kind === 'answered') this.#successes.push({ began, at: performance.now() });
    return told;
  }

  /** Milliseconds from `since` to the first answer to a call that was made after `since`. */
  firstSuccess(since: number): number | undefined {
    const times = this.#successes.filter(({ began }) => began >= since).map(({ at }) => at);
    return times.length === 0 ? undefined : Math.min(...times) - since;
  }

  /** Waits until a call that was made after `since` was answered, so that what comes next is not part of the same outage. */
  async untilServing(since: number, limitMs = 15_000): Promise<void> {
    await until('an answer', () => this.firstSuccess(since) !== undefined, limitMs).catch(() => undefined);
  }

  /** Forgets what is only needed for `firstSuccess`. */
  forgetSuccesses(): void {
    this.#successes = [];
  }

  pick(mix: Mix): string {
    const all = Object.values(mix).reduce((sum, weight) => sum + weight, 0);
    let at = this.random() * all;
    for (const [tool, weight] of Object.entries(mix)) {
      at -= weight;
      if (at < 0) return tool;
    }
    return Object.keys(mix)[0]!;
  }

  /**
   * Calls without a pause, `concurrency` at a time on each client, until it is stopped or the calls are used up. Who is refused waits a moment, as a
   * model does. A client that is replaced in `clients` before it is killed hands its part over.
   */
  load(
    clients: readonly CallClient[],
    options: {
      readonly mix?: Mix;
      readonly concurrency?: number;
      readonly maxMs?: number;
      readonly pauseMs?: number;
      readonly calls?: number;
      readonly cancelRatio?: number;
    } = {},
  ): { readonly stop: () => Promise<void>; readonly done: Promise<void> } {
    const { mix = EVERY_KIND, concurrency = 2, maxMs = 20, pauseMs = 0, cancelRatio = 0 } = options;
    let left = options.calls ?? Number.POSITIVE_INFINITY;
    const worker = async (index: number): Promise<void> => {
      while (left > 0 && !this.#isOver) {
        left -= 1;
        const client = clients[index]!;
        const ms = Math.floor(this.random() * maxMs);
        const cancelAfterMs = this.random() < cancelRatio ? this.random() * maxMs : undefined;
        const told = await this.call(client, this.pick(mix), { ms, cancelAfterMs });
        if (told.kind === 'left' && clients[index] === client) return;
        if (told.kind === 'failed') await pause(REFUSED_PAUSE_MS);
        else if (pauseMs > 0) await pause(pauseMs);
      }
    };
    const workers = clients.flatMap((_, index) => Array.from({ length: concurrency }, () => worker(index)));
    const done = Promise.all(workers).then(() => undefined);
    return {
      done,
      stop: () => {
        left = 0;
        return done;
      },
    };
  }

  get record(): string[] {
    const file = this.recordFile;
    return existsSync(file) ? readFileSync(file, 'latin1').split('\n').filter(Boolean) : [];
  }

  get surplus(): number {
    return this.clients.reduce((sum, { surplus }) => sum + surplus, 0);
  }

  /** Done when engine and clients have ended. */
  onEnd(action: () => unknown): void {
    this.#ends.push(action);
  }

  /** Done when everything else is. */
  onAfterEnd(action: () => unknown): void {
    this.#lastEnds.push(action);
  }

  /** Ends everything; answers how many processes were left behind. */
  async dispose(): Promise<number> {
    this.#isOver = true;
    await this.#starting.catch(() => undefined);
    await Promise.all(this.clients.map((client) => client.end()));
    const { home } = this.bed;
    await this.bed.stopEngines();
    for (const end of this.#ends) await end();
    await this.bed.dispose();
    // A server that was killed may still be waited for by the guardian, for a second.
    await until('the end of every process', () => processesOf(home).length === 0, 8_000).catch(
      () => undefined,
    );
    const left = processesOf(home);
    for (const pid of left) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // ended meanwhile
      }
    }
    for (const end of this.#lastEnds) await end();
    return left.length;
  }
}

/** A counting server over HTTP, in a process of its own that can be killed and started again at the same address. */
export class HttpServer {
  readonly #stage: Stage;
  readonly #seed: number;
  #child: ChildProcess | undefined;
  #orders: Record<string, number> = {};
  port = 0;

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#seed = Math.floor(stage.random() * 2 ** 31);
    stage.onEnd(() => this.kill());
  }

  async start(): Promise<this> {
    const child = spawn(process.execPath, [countingServer, '--http', String(this.port)], {
      env: { ...process.env, ...this.#stage.env, SEED: String(this.#seed) },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    child.stdin.on('error', () => undefined); // it was killed
    const [url] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    this.port = Number(new URL(url).port);
    this.#child = child;
    if (Object.keys(this.#orders).length > 0) this.order(this.#orders);
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/mcp`;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  entry(lifeline: Record<string, unknown> = {}): ServerEntry {
    return { type: 'http', url: this.url, lifeline };
  }

  /** Chances of faults; what is not named does not happen. */
  order(orders: Record<string, number>): void {
    this.#orders = orders;
    this.#child?.stdin?.write(`${JSON.stringify(orders)}\n`);
  }

  /** How many sessions it has. */
  async sessions(): Promise<number> {
    const child = this.#child!;
    const told = once(createInterface({ input: child.stdout! }), 'line');
    child.stdin?.write('{"report":true}\n');
    return Number((await told)[0]);
  }

  /** Loses all sessions, once. */
  forget(): void {
    this.#child?.stdin?.write('{"forget":true}\n');
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }
}
