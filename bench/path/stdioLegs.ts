/** From a stdio client to a stdio server. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bridgePath, TestBed } from '../../test/support/testEngine.ts';
import { StdioClient } from './client.ts';
import { awaitEnd, endChild, own, type Leg, type Running } from './leg.ts';
import type { Launch } from './probe.ts';

const programs = join(import.meta.dirname, 'programs');
const echo = join(import.meta.dirname, '..', 'echoServer.mjs');

/** The servers that are put behind everything. */
export const stdioServers = {
  /** One write for each answer, as the servers of the SDKs do. */
  each: [echo],
  /** One write for all answers to what came in one piece. */
  batch: [echo, 'batch'],
  /** The official SDK's server. */
  sdk: [join(programs, 'sdkServer.mjs')],
} as const;

export type StdioServer = keyof typeof stdioServers;

/** A client whose program is the whole way. */
async function running(client: StdioClient, isBetween: boolean): Promise<Running> {
  await client.initialize();
  return {
    client,
    roots: isBetween ? [client.pid] : [],
    stop: () => {
      client.close();
      return awaitEnd(client.peer.child);
    },
  };
}

export const directStdio = (server: StdioServer): Leg => ({
  name: 'direct',
  kind: 'direct',
  start: () => running(new StdioClient(stdioServers[server]), false),
});

/** One process more, bytes only. */
export const relayed = (server: StdioServer): Leg => ({
  name: 'bare relay, one process',
  kind: 'bare',
  start: ({ nodeArgs, env }) => {
    const args = [...nodeArgs, join(programs, 'relay.mjs'), process.execPath, ...stdioServers[server]];
    return running(new StdioClient(args, { env: { ...process.env, ...env } }), true);
  },
});

/** Two processes more and a socket between them, bytes only. */
export const socketRelayed = (server: StdioServer): Leg => ({
  name: 'bare bridge, socket, gateway',
  kind: 'bare',
  start: async ({ nodeArgs, env }) => {
    const folder = mkdtempSync(join(tmpdir(), 'lifeline-bare-'));
    const socket = join(folder, 's');
    const args = [join(programs, 'socketGateway.mjs'), socket, process.execPath, ...stdioServers[server]];
    const gateway = own(
      spawn(process.execPath, [...nodeArgs, ...args], {
        env: { ...process.env, ...env },
        stdio: ['ignore', 'pipe', 'inherit'],
      }),
    );
    await once(gateway.stdout, 'data');
    const { client, roots, stop } = await running(
      new StdioClient([join(programs, 'socketBridge.mjs'), socket]),
      true,
    );
    return {
      client,
      roots: [gateway.pid!, ...roots],
      stop: async () => {
        await stop();
        await endChild(gateway);
        rmSync(folder, { recursive: true, force: true });
      },
    };
  },
});

/** Through bridge and engine. `write` is a tool whose calls are noted in the journal before they are sent. */
export const bridged = (server: StdioServer, tool: 'read' | 'write' = 'read'): Leg => ({
  name: tool === 'read' ? 'MCP Lifeline' : 'MCP Lifeline, at-most-once',
  kind: 'ours',
  start: (launch) => throughBridge({ command: process.execPath, args: stdioServers[server] }, tool, launch),
});

/** The client of a bridge to whatever server the entry says. */
export async function throughBridge(
  entry: Record<string, unknown>,
  tool: 'read' | 'write',
  launch: Launch,
): Promise<Running> {
  const bed = new TestBed('bench').configure({ echo: entry });
  const engine = await bed.startEngine(launch);
  own(engine.child);
  const client = new StdioClient([bridgePath, '--server', 'echo', '--window', 'bench'], {
    env: bed.environment,
    tool,
  });
  const { roots, stop } = await running(client, true);
  return {
    client,
    roots: [engine.pid, ...roots],
    stop: async () => {
      await stop();
      await bed.dispose();
    },
  };
}
