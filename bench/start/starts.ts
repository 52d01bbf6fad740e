import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EndpointInfo } from '../../src/endpoint/endpointFile.ts';
import { endpointFile, endpointsFolder } from '../../src/endpoint/location.ts';
import { LineClient } from '../../test/support/lineClient.ts';
import { StandaloneBed } from '../../test/support/standalone.ts';
import { bridgePath, scripted, TestBed, type ServerEntry } from '../../test/support/testEngine.ts';
import { cpuMs } from '../path/processes.ts';

/** One start of each program, from its spawning to the moment at which it is of use. Everything in milliseconds of the wall clock. */

export const relayPath = join(import.meta.dirname, '..', 'path', 'programs', 'socketBridge.mjs');
const echoServer = join(import.meta.dirname, '..', 'echoServer.mjs');
export const echo = { command: process.execPath, args: [echoServer] };

const windowId = 'w1';
const INITIALIZE = {
  protocolVersion: '2025-06-18',
  capabilities: {},
  clientInfo: { name: 'bench', version: '1' },
};

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

/** Node alone: from its start to its end, with nothing to do. */
export async function nodeAlone(): Promise<number> {
  const began = performance.now();
  await once(spawn(process.execPath, ['--eval', '0'], { stdio: 'ignore' }), 'exit');
  return performance.now() - began;
}

/** A socket of ours in the engine's place, that tells when the first bytes have come. */
export class Listener {
  readonly home = mkdtempSync(join(tmpdir(), 'lifeline-start-'));
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #onBytes: () => void = () => undefined;

  private constructor() {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => this.#sockets.delete(socket));
      socket.once('data', () => this.#onBytes());
    });
  }

  static async open(): Promise<Listener> {
    const listener = new Listener();
    const { home, socket } = listener;
    mkdirSync(endpointsFolder(home), { recursive: true, mode: 0o700 });
    const info: EndpointInfo = {
      version: 1,
      window: windowId,
      socket,
      token: '0'.repeat(64),
      pid: process.pid,
      startedAt: Date.now(),
      engineVersion: '0',
    };
    writeFileSync(endpointFile(home, windowId), JSON.stringify(info), { mode: 0o600 });
    await once(listener.#server.listen({ path: socket }), 'listening');
    return listener;
  }

  get socket(): string {
    return join(this.home, 'socket');
  }

  /** From the start of a program to its first bytes here. */
  async firstBytes(args: readonly string[]): Promise<number> {
    const came = new Promise<void>((resolve) => (this.#onBytes = resolve));
    const began = performance.now();
    const child = spawn(process.execPath, args, {
      env: { ...process.env, MCP_LIFELINE_HOME: this.home },
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    child.stdin.on('error', () => undefined);
    child.stdin.write(
      `${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: INITIALIZE })}\n`,
    );
    await came;
    const took = performance.now() - began;
    await end(child);
    return took;
  }

  bridge(): Promise<number> {
    return this.firstBytes([bridgePath, '--server', 'echo', '--window', windowId]);
  }

  relay(): Promise<number> {
    return this.firstBytes([relayPath, this.socket]);
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.home, { recursive: true, force: true });
  }
}

export interface EngineStart {
  /** To the answer to a language client's `initialize`: it has its settings, and serves. */
  readonly readyMs: number;
  /** User and system time until then, in steps of 10 ms. */
  readonly cpuMs: number;
}

/** An engine that has never run here, and the next one, which finds what the first has compiled. */
export async function engines(): Promise<{ readonly first: EngineStart; readonly next: EngineStart }> {
  const bed = new TestBed().configure({ echo });
  const start = async (): Promise<EngineStart> => {
    const began = performance.now();
    const { pid } = await bed.startEngine();
    const started = { readyMs: performance.now() - began, cpuMs: cpuMs([pid]) };
    await bed.stopEngines();
    return started;
  };
  try {
    return { first: await start(), next: await start() };
  } finally {
    await bed.dispose();
  }
}

/** `serve`, for the second time in its home: to the line that says where it listens. */
export async function serveStart(): Promise<number> {
  const bed = new StandaloneBed();
  const start = async (): Promise<number> => {
    const began = performance.now();
    const running = bed.start(['serve', '--config', bed.writeConfig({ servers: { echo } }), '--port', '0']);
    await once(running.child.stdout!, 'data');
    const took = performance.now() - began;
    running.child.kill('SIGTERM');
    await running.end();
    return took;
  };
  try {
    await start();
    return await start();
  } finally {
    await bed.dispose();
  }
}

async function untilTools(client: LineClient): Promise<void> {
  await client.initialize();
  const { result } = await client.request('tools/list', {});
  if (!Array.isArray(result?.['tools']) || result['tools'].length === 0)
    throw new Error('no tools were listed');
}

/** A server that takes its time, as one does that a package runner fetches. */
export const slow: ServerEntry & { readonly args: readonly string[] } = scripted({ INIT_DELAY: '6000' });

/** A client and its server, nothing between them: to the first answer to tools/list. */
export async function toolsDirectly(
  server: ServerEntry & { readonly args: readonly string[] },
): Promise<number> {
  const began = performance.now();
  const client = new LineClient(process.execPath, server.args, { env: { ...process.env, ...server.env } });
  await untilTools(client);
  const took = performance.now() - began;
  await client.close();
  return took;
}

export interface FirstTools {
  /** Nothing was known of the server. */
  readonly emptyMs: number;
  /** What an earlier engine had learned was there. */
  readonly filledMs: number;
}

/** Engine and bridge started at the same moment, as VS Code does it: to the first answer to tools/list. */
export async function toolsThroughUs(server: ServerEntry): Promise<FirstTools> {
  const bed = new TestBed().configure({ server });
  const measure = async (): Promise<number> => {
    const began = performance.now();
    const starting = bed.startEngine();
    const client = bed.bridge('server');
    await untilTools(client);
    const took = performance.now() - began;
    // The catalogue is written when the list has come from the server.
    const { control } = await starting;
    await control.server('server', ({ state }) => state === 'ready');
    await bed.stopEngines();
    return took;
  };
  try {
    return { emptyMs: await measure(), filledMs: await measure() };
  } finally {
    await bed.dispose();
  }
}
