import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { bridgePath, TestBed } from '../../test/support/testEngine.ts';
import { cpuMs } from '../path/processes.ts';
import { echo, relayPath } from './starts.ts';

/** What a window with nine servers costs while nobody calls. */

const SERVERS = 9;
const names = Array.from({ length: SERVERS }, (_, index) => `echo${index + 1}`);

/** Proportional set size (Linux): a page that several processes share counts in parts. */
function pssMb(pid: number): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1');
  return Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? NaN) / 1_024;
}

const median = (values: readonly number[]): number =>
  values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? NaN;

export interface Memory {
  /** Median of one of nine that run at the same time. */
  readonly ofNineMb: number;
  /** One that runs beside nothing but this bench, an engine and servers. */
  readonly aloneMb: number;
}

/** Starts nine, one after another, and weighs the first alone and then all. */
async function weigh(start: (index: number) => Promise<ChildProcess>, settleMs: number): Promise<Memory> {
  const first = await start(0);
  await delay(settleMs);
  const aloneMb = pssMb(first.pid ?? 0);
  const children = [first];
  for (let index = 1; index < SERVERS; index += 1) children.push(await start(index));
  await delay(settleMs);
  const ofNineMb = median(children.map(({ pid }) => pssMb(pid ?? 0)));
  for (const child of children) {
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }
  return { ofNineMb, aloneMb };
}

/** A relay of bytes between stdio and a socket, with nothing else in it: the least that a bridge on Node can be. */
export async function relayMemory(settleMs: number): Promise<Memory> {
  const bed = new TestBed();
  const server = createServer((socket) => socket.on('error', () => undefined).resume());
  const socket = join(bed.home, 'socket');
  await once(server.listen({ path: socket }), 'listening');
  const memory = await weigh(async () => {
    const connected = once(server, 'connection');
    const child = spawn(process.execPath, [relayPath, socket], { stdio: ['pipe', 'pipe', 'inherit'] });
    await connected;
    return child;
  }, settleMs);
  server.close();
  await bed.dispose();
  return memory;
}

/** Node with a timer and nothing else. */
export function nodeMemory(settleMs: number): Promise<Memory> {
  return weigh(async () => {
    const child = spawn(process.execPath, ['--eval', 'setInterval(() => {}, 1e6)'], { stdio: 'ignore' });
    await once(child, 'spawn');
    return child;
  }, settleMs);
}

export interface IdleWindow {
  readonly bridge: Memory;
  /** The engine beside nine servers and nine bridges. */
  readonly enginePssMb: number;
  /** Of one core. */
  readonly engineCpuPercent: number;
  readonly bridgesCpuPercent: number;
}

/** An engine with nine servers that all have answered, and nobody calls. */
export async function idleWindow(settleMs: number, idleMs: number): Promise<IdleWindow> {
  const bed = new TestBed().configure(Object.fromEntries(names.map((name) => [name, echo])));
  try {
    const { control, pid } = await bed.startEngine();
    const initialize = JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: {
        protocolVersion: '2025-06-18',
        capabilities: {},
        clientInfo: { name: 'bench', version: '1' },
      },
    });
    const initialized = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' });
    const bridge = await weigh(async (index) => {
      const name = names[index] ?? '';
      const child = spawn(process.execPath, [bridgePath, '--server', name, '--window', bed.window], {
        env: bed.environment,
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      child.stdin.write(`${initialize}\n`);
      await once(child.stdout, 'data');
      child.stdin.write(`${initialized}\n`);
      await control.server(name, ({ state }) => state === 'ready');
      return child;
    }, settleMs);
    const clients = [];
    for (const name of names) {
      const client = await bed.session(name);
      await client.request('tools/list', {});
      clients.push(client);
    }
    await Promise.all(names.map((name) => control.server(name, ({ state }) => state === 'ready')));
    await delay(settleMs);
    const bridges = clients.map(({ child }) => child.pid ?? 0);
    const before = [cpuMs([pid]), cpuMs(bridges)] as const;
    const began = performance.now();
    await delay(idleMs);
    const took = performance.now() - began;
    return {
      bridge,
      enginePssMb: pssMb(pid),
      engineCpuPercent: ((cpuMs([pid]) - before[0]) / took) * 100,
      bridgesCpuPercent: ((cpuMs(bridges) - before[1]) / took) * 100,
    };
  } finally {
    await bed.dispose();
  }
}
