import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, watch } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createMessageConnection,
  StreamMessageReader,
  StreamMessageWriter,
  type MessageConnection,
} from 'vscode-jsonrpc/node';
import { systemClock } from '../../src/shared/base/clock.ts';
import type { ServerSnapshot, Snapshot } from '../../src/shared/model/snapshot.ts';
import {
  actOnServer,
  configurationChanged,
  getSnapshot,
  inputsChanged,
  needInputs,
  recover,
  snapshotChanged,
  type EngineConfiguration,
  type GivenInputs,
  type NeededInputs,
  type RecoverResult,
  type ServerAction,
  type ServerActionResult,
} from '../../src/shared/protocol/engineMessages.ts';
import { getEvents, type EventsAnswer, type EventsParams } from '../../src/shared/protocol/eventMessages.ts';
import { getHistory, type History, type HistoryParams } from '../../src/shared/protocol/historyMessages.ts';
import { getWatched, type WatchedHistory } from '../../src/shared/protocol/watchedMessages.ts';
import { connectToEngine } from '../../src/endpoint/connect.ts';
import { readEndpointFile, type EndpointInfo } from '../../src/endpoint/endpointFile.ts';
import { endpointFile } from '../../src/endpoint/location.ts';
import { LineClient } from './lineClient.ts';

export const projectRoot = join(import.meta.dirname, '..', '..');
export const enginePath = join(projectRoot, 'dist', 'engine.cjs');
export const bridgePath = join(projectRoot, 'dist', 'bridge.cjs');
export const scriptedServer = join(projectRoot, 'test', 'servers', 'scripted.mjs');
export const changingServer = join(projectRoot, 'test', 'servers', 'changing.mjs');
export const hostileServer = join(projectRoot, 'test', 'servers', 'hostile.mjs');
export const sharingServer = join(projectRoot, 'test', 'servers', 'sharing.mjs');
export const everythingServer = join(
  projectRoot,
  'node_modules/@modelcontextprotocol/server-everything/dist/index.js',
);

/** Polls a state that has no event of its own (files, processes), with a limit. */
export async function until<T>(
  what: string,
  probe: () => T | undefined | false,
  limitMs = 15_000,
): Promise<T> {
  const end = Date.now() + limitMs;
  for (;;) {
    const value = probe();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > end) throw new Error(`${what}: not within ${limitMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Whether a process is there and no zombie. */
export function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !['Z', 'X'].includes(stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3));
  } catch {
    return false;
  }
}

export interface ServerEntry {
  readonly command?: unknown;
  readonly args?: unknown;
  readonly env?: Record<string, string>;
  readonly [key: string]: unknown;
}

/** A settings entry for the scripted server. */
export function scripted(
  env: Record<string, string> = {},
  lifeline?: Record<string, unknown>,
): ServerEntry & { readonly args: readonly string[] } {
  return {
    command: process.execPath,
    args: [scriptedServer],
    env,
    ...(lifeline === undefined ? {} : { lifeline }),
  };
}

/** A settings entry for the hostile server. */
export function hostile(env: Record<string, string> = {}, lifeline?: Record<string, unknown>): ServerEntry {
  return { ...scripted(env, lifeline), args: [hostileServer] };
}

/** A settings entry for the server that offers what a file says. */
export function changing(
  offer: string,
  env: Record<string, string> = {},
  lifeline?: Record<string, unknown>,
): ServerEntry {
  return { ...scripted({ OFFER: offer, ...env }, lifeline), args: [changingServer] };
}

/** A settings entry for the server of what several clients share. */
export function sharing(env: Record<string, string> = {}, lifeline?: Record<string, unknown>): ServerEntry {
  return { ...scripted(env, lifeline), args: [sharingServer] };
}

/** The extension host's part, without an editor: a language client on the engine's socket. */
export class ControlClient {
  readonly #connection: MessageConnection;
  readonly #socket: Socket;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly snapshots: Snapshot[] = [];
  /** What the engine asked for, and who answers. */
  readonly asked: NeededInputs[] = [];
  onInputsNeeded: (needed: NeededInputs) => Promise<GivenInputs> | GivenInputs = () => ({ values: [] });
  #listeners = new Set<() => void>();

  private constructor(connection: MessageConnection, socket: Socket) {
    this.#connection = connection;
    this.#socket = socket;
    connection.onNotification(snapshotChanged.method, (value: unknown) => {
      this.snapshots.push(snapshotChanged.parse(value));
      for (const listener of this.#listeners) listener();
    });
    connection.onRequest(needInputs.method, (value: unknown) => {
      const needed = needInputs.parseParams(value);
      this.asked.push(needed);
      return this.onInputsNeeded(needed);
    });
    connection.listen();
  }

  static async connect(endpoint: EndpointInfo, configuration: EngineConfiguration): Promise<ControlClient> {
    const { socket } = await connectToEngine(
      endpoint,
      { role: 'control' },
      { clock: systemClock, timeoutMs: 5_000 },
    );
    const reader = new StreamMessageReader(socket);
    // Of an engine that is killed in the middle of a message the library would wait for the rest for ever, and the run would not end.
    reader.partialMessageTimeout = 0;
    const connection = createMessageConnection(reader, new StreamMessageWriter(socket));
    connection.onError(() => undefined);
    const client = new ControlClient(connection, socket);
    socket.resume();
    await connection.sendRequest('initialize', {
      processId: null,
      rootUri: null,
      capabilities: {},
      initializationOptions: configuration,
    });
    await connection.sendNotification('initialized', {});
    return client;
  }

  async configure(configuration: EngineConfiguration): Promise<void> {
    await this.#connection.sendNotification(configurationChanged.method, configuration);
  }

  async tellInputsChanged(...servers: string[]): Promise<void> {
    await this.#connection.sendNotification(inputsChanged.method, { servers });
  }

  async snapshot(): Promise<Snapshot> {
    return getSnapshot.parseResult(await this.#connection.sendRequest(getSnapshot.method, {}));
  }

  async history(params: HistoryParams = {}): Promise<History> {
    return getHistory.parseResult(await this.#connection.sendRequest(getHistory.method, params));
  }

  async events(params: EventsParams = {}): Promise<EventsAnswer> {
    return getEvents.parseResult(await this.#connection.sendRequest(getEvents.method, params));
  }

  async watched(server: string): Promise<WatchedHistory> {
    return getWatched.parseResult(await this.#connection.sendRequest(getWatched.method, { server }));
  }

  async recover(server?: string, mode: 'recover' | 'restart' = 'recover'): Promise<RecoverResult> {
    return recover.parseResult(await this.#connection.sendRequest(recover.method, { server, mode }));
  }

  async act(server: string, action: ServerAction['action']): Promise<ServerActionResult> {
    return actOnServer.parseResult(
      await this.#connection.sendRequest(actOnServer.method, { server, action }),
    );
  }

  /** Waits until a server's snapshot is as wanted. */
  async server(
    name: string,
    wanted: (server: ServerSnapshot) => boolean,
    limitMs = 15_000,
  ): Promise<ServerSnapshot> {
    const find = (snapshot: Snapshot | undefined): ServerSnapshot | undefined =>
      snapshot?.servers.find((server) => server.id === name && wanted(server));
    const now = find(await this.snapshot());
    if (now !== undefined) return now;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        this.#listeners.delete(check);
        const last = this.snapshots.at(-1)?.servers.find((server) => server.id === name);
        reject(
          new Error(`server ${name} did not become as wanted within ${limitMs} ms: ${JSON.stringify(last)}`),
        );
      }, limitMs);
      const check = (): void => {
        const found = find(this.snapshots.at(-1));
        if (found === undefined) return;
        clearTimeout(timer);
        this.#timers.delete(timer);
        this.#listeners.delete(check);
        resolve(found);
      };
      this.#timers.add(timer);
      this.#listeners.add(check);
    });
  }

  close(): void {
    this.#connection.end();
    this.#connection.dispose();
  }

  /** Lets go of what a test has left: of a stopped engine no end of the connection is heard, and a wait may be abandoned. */
  destroy(): void {
    this.#socket.destroy();
    for (const timer of this.#timers) clearTimeout(timer);
  }
}

/** A private home with engines and bridges of one test; everything it started is ended by `dispose`. */
export class TestBed {
  readonly home = mkdtempSync(join(tmpdir(), 'lifeline-'));
  readonly window: string;
  readonly record = join(this.home, 'record.txt');
  readonly #children = new Set<ChildProcess>();
  readonly #clients: LineClient[] = [];
  readonly #controls: ControlClient[] = [];
  #servers: Record<string, ServerEntry> = {};
  #connection: Record<string, unknown> = {};
  workspaceFolder: string | undefined;
  tellRestarts: boolean | undefined;
  /** What else stands in the configuration. */
  more: Partial<EngineConfiguration> = {};

  constructor(window = 'w1') {
    this.window = window;
  }

  get environment(): NodeJS.ProcessEnv {
    return { ...process.env, MCP_LIFELINE_HOME: this.home };
  }

  get configuration(): EngineConfiguration {
    return {
      servers: Object.entries(this.#servers).map(([name, entry]) => ({
        name,
        entry,
        origin: 'user' as const,
      })),
      connection: { user: this.#connection, workspace: {} },
      trusted: true,
      ...(this.tellRestarts === undefined ? {} : { tellRestarts: this.tellRestarts }),
      ...(this.workspaceFolder === undefined ? {} : { workspaceFolder: this.workspaceFolder }),
      ...this.more,
    };
  }

  configure(servers: Record<string, ServerEntry>, connection: Record<string, unknown> = {}): this {
    this.#servers = servers;
    this.#connection = connection;
    return this;
  }

  get endpoint(): EndpointInfo | undefined {
    return readEndpointFile(endpointFile(this.home, this.window));
  }

  /** Starts an engine and gives it the configuration; a bed can start one after another. */
  async startEngine(
    options: {
      window?: string;
      configured?: boolean;
      nodeArgs?: readonly string[];
      env?: NodeJS.ProcessEnv;
      /** Another build than that of this folder. */
      program?: string;
    } = {},
  ): Promise<{ control: ControlClient; pid: number; child: ChildProcess }> {
    const window = options.window ?? this.window;
    await mkdir(join(this.home, 'endpoints'), { recursive: true, mode: 0o700 });
    const args = [...(options.nodeArgs ?? []), options.program ?? enginePath, '--window', window];
    const child = spawn(process.execPath, args, {
      env: { ...this.environment, ...options.env },
      stdio: ['ignore', 'ignore', 'inherit'],
      detached: true,
    });
    this.#children.add(child);
    const file = endpointFile(this.home, window);
    const endpoint = await waitForEndpoint(file, child);
    const control = await ControlClient.connect(endpoint, this.configuration);
    this.#controls.push(control);
    return { control, pid: endpoint.pid, child };
  }

  bridge(server: string, window = this.window): LineClient {
    const client = new LineClient(process.execPath, [bridgePath, '--server', server, '--window', window], {
      env: this.environment,
    });
    this.#clients.push(client);
    return client;
  }

  /** A bridge whose session is up. */
  async session(server: string, capabilities?: Record<string, unknown>): Promise<LineClient> {
    const client = this.bridge(server);
    await client.initialize(capabilities);
    return client;
  }

  /** What the scripted server has done, one line each. */
  get recorded(): string[] {
    return existsSync(this.record) ? readFileSync(this.record, 'utf8').split('\n').filter(Boolean) : [];
  }

  /** How often a tool was executed with a key. */
  executions(tool: string, key: string): number {
    return this.recorded.filter((line) => line.startsWith(`${tool} ${key} `)).length;
  }

  async dispose(): Promise<void> {
    await this.stopEngines();
    rmSync(this.home, { recursive: true, force: true });
  }

  /** Ends clients and engines, and leaves the folder. */
  async stopEngines(): Promise<void> {
    for (const control of this.#controls) control.close();
    for (const client of this.#clients) await client.close();
    for (const child of this.#children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await gone;
      clearTimeout(timer);
    }
    for (const control of this.#controls) control.destroy();
  }
}

/** Waits for the endpoint file of exactly this process. */
function waitForEndpoint(file: string, child: ChildProcess): Promise<EndpointInfo> {
  return new Promise((resolve, reject) => {
    const check = (): void => {
      const info = readEndpointFile(file);
      if (info === undefined || info.pid !== child.pid) return;
      finish();
      resolve(info);
    };
    const watcher = watch(join(file, '..'), check);
    const timer = setTimeout(() => {
      finish();
      reject(new Error('the engine did not write its endpoint file within 10 s'));
    }, 10_000);
    const onExit = (code: number | null): void => {
      finish();
      reject(new Error(`the engine ended with ${code} before it was ready`));
    };
    const finish = (): void => {
      watcher.close();
      clearTimeout(timer);
      child.off('exit', onExit);
    };
    child.once('exit', onExit);
    check();
  });
}
