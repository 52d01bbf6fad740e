/** From an HTTP client, or to an HTTP server. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { StandaloneBed } from '../../test/support/standalone.ts';
import { StdioClient } from './client.ts';
import { HttpClient } from './httpClient.ts';
import { awaitEnd, endChild, own, type Leg, type Running } from './leg.ts';
import { plain, type Launch } from './probe.ts';
import { directStdio, stdioServers, throughBridge } from './stdioLegs.ts';

const programs = join(import.meta.dirname, 'programs');
const httpServer = join(import.meta.dirname, '..', 'echoHttpServer.mjs');

/** A program that prints its port. */
export async function startListening(
  args: readonly string[],
  { nodeArgs, env }: Launch = plain,
): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  const child = own(
    spawn(process.execPath, [...nodeArgs, ...args], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  );
  const [text] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, port: Number(String(text).trim()) };
}

export const urlOf = (port: number): string => `http://127.0.0.1:${port}/mcp`;

/** The HTTP server of a leg: each has one of its own. */
export const startServer = () => startListening([httpServer]);

async function throughHttp(
  url: string,
  children: readonly ChildProcess[],
  roots: readonly number[],
): Promise<Running> {
  const client = await new HttpClient(url).initialize();
  return {
    client,
    another: () => new HttpClient(url, { connections: 1 }).initialize(),
    roots,
    stop: async () => {
      await client.close();
      for (const child of children) await endChild(child);
    },
  };
}

/** Our stand-alone program. */
async function throughEndpoint(
  entry: (serverPort: number) => Record<string, unknown>,
  needsServer: boolean,
  launch: Launch,
): Promise<Running> {
  const server = needsServer ? await startServer() : undefined;
  const bed = new StandaloneBed();
  const { ready, running } = await bed.serve({ servers: { echo: entry(server?.port ?? 0) } }, launch);
  own(running.child);
  const url = ready.servers['echo']?.url ?? '';
  const client = await new HttpClient(url, { token: ready.token }).initialize();
  return {
    client,
    another: () => new HttpClient(url, { token: ready.token, connections: 1 }).initialize(),
    roots: [ready.pid],
    stop: async () => {
      await client.close();
      await bed.dispose();
      if (server !== undefined) await endChild(server.child);
    },
  };
}

export const stdioEntry = (lifeline?: Record<string, unknown>): Record<string, unknown> => ({
  command: process.execPath,
  args: stdioServers.each,
  ...(lifeline === undefined ? {} : { lifeline }),
});
const httpEntry = (port: number): Record<string, unknown> => ({ type: 'http', url: urlOf(port) });

/** What an HTTP client would have if the server were a part of it. */
export const directBelow: Leg = { ...directStdio('each'), name: 'direct (stdio)' };

export const bareHttpToStdio: Leg = {
  name: 'bare bridge',
  kind: 'bare',
  start: async (launch) => {
    const { child, port } = await startListening(
      [join(programs, 'httpToStdio.mjs'), process.execPath, ...stdioServers.each],
      launch,
    );
    return throughHttp(urlOf(port), [child], [child.pid!]);
  },
};

export const endpointToStdio = (lifeline?: Record<string, unknown>): Leg => ({
  name: lifeline === undefined ? 'MCP Lifeline' : 'MCP Lifeline, one process for all',
  kind: 'ours',
  start: (launch) => throughEndpoint(() => stdioEntry(lifeline), false, launch),
});

export const directHttp: Leg = {
  name: 'direct',
  kind: 'direct',
  start: async () => {
    const { child, port } = await startServer();
    return throughHttp(urlOf(port), [child], []);
  },
};

export const bareHttpToHttp: Leg = {
  name: 'bare byte pipe',
  kind: 'bare',
  start: async (launch) => {
    const server = await startServer();
    const { child, port } = await startListening(
      [join(programs, 'httpToHttp.mjs'), String(server.port)],
      launch,
    );
    return throughHttp(urlOf(port), [child, server.child], [child.pid!]);
  },
};

export const endpointToHttp: Leg = {
  name: 'MCP Lifeline',
  kind: 'ours',
  start: (launch) => throughEndpoint(httpEntry, true, launch),
};

export const bareStdioToHttp: Leg = {
  name: 'bare bridge',
  kind: 'bare',
  start: async ({ nodeArgs, env }) => {
    const server = await startServer();
    const args = [...nodeArgs, join(programs, 'stdioToHttp.mjs'), String(server.port)];
    return stdioProgram(args, [server.child], { env: { ...process.env, ...env } });
  },
};

/** A program that is spoken to over stdio, and the server it leads to. */
export async function stdioProgram(
  args: readonly string[],
  servers: readonly ChildProcess[],
  options: ConstructorParameters<typeof StdioClient>[1] = {},
): Promise<Running> {
  const client = await new StdioClient(args, options).initialize();
  return {
    client,
    roots: [client.pid],
    stop: async () => {
      client.close();
      await awaitEnd(client.peer.child);
      for (const server of servers) await endChild(server);
    },
  };
}

export const bridgedToHttp: Leg = {
  name: 'MCP Lifeline',
  kind: 'ours',
  start: async (launch) => {
    const server = await startServer();
    const running = await throughBridge(httpEntry(server.port), 'read', launch);
    return {
      ...running,
      stop: async () => {
        await running.stop();
        await endChild(server.child);
      },
    };
  },
};
