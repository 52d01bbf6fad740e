/** Programs from npm that do the same job, each with its own recommended and fastest flags. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from '../../test/support/standalone.ts';
import type { Client } from './client.ts';
import { HttpClient, SseClient } from './httpClient.ts';
import { startServer, stdioProgram, urlOf } from './httpLegs.ts';
import { endChild, own, type Leg, type Running } from './leg.ts';
import { within } from './load.ts';
import type { Launch } from './probe.ts';
import { stdioServers } from './stdioLegs.ts';

const peersFolder = join(import.meta.dirname, '..', 'peers');
const INSTALL_MS = 330_000;
const READY_MS = 20_000;

let installed: Promise<string> | undefined;

/** The folder with the programs; installs them when they are not there. */
function install(): Promise<string> {
  installed ??= promisify(execFile)(process.execPath, [join(peersFolder, 'install.mjs')], {
    timeout: INSTALL_MS,
  }).then(({ stdout }) => stdout.trim());
  return installed;
}

/** Before anything is measured; whether it worked is seen when the first one is started. */
export const prepare = (): Promise<void> =>
  install().then(
    () => undefined,
    (error: unknown) => console.error(`The peers could not be installed: ${String(error)}`),
  );

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
}

export const peerVersions = (): string =>
  Object.entries(
    (JSON.parse(readFileSync(join(peersFolder, 'package.json'), 'utf8')) as Manifest).dependencies,
  )
    .map(([name, version]) => `${name} ${version}`)
    .join(', ');

const scripts = {
  'mcp-hub': 'dist/cli.js',
  'mcp-proxy': 'dist/bin/mcp-proxy.mjs',
  'mcp-remote': 'dist/proxy.js',
  supergateway: 'dist/index.js',
} as const;

type Peer = keyof typeof scripts;

/** The program of a peer and a home of its own, which nothing outside is read from or written to. */
async function programOf(
  peer: Peer,
): Promise<{ script: string; home: string; env: NodeJS.ProcessEnv; dispose: () => void }> {
  const folder = await install();
  const home = mkdtempSync(join(tmpdir(), 'lifeline-peer-'));
  const env = {
    ...process.env,
    HOME: home,
    XDG_DATA_HOME: home,
    XDG_STATE_HOME: home,
    XDG_CONFIG_HOME: home,
    MCP_REMOTE_CONFIG_DIR: home,
    NODE_ENV: 'production',
  };
  return {
    script: join(folder, 'node_modules', peer, scripts[peer]),
    home,
    env,
    dispose: () => rmSync(home, { recursive: true, force: true }),
  };
}

interface Gateway {
  readonly peer: Peer;
  readonly launch: Launch;
  readonly argsOf: (port: number, home: string) => readonly string[];
  readonly connect: (port: number, connections: number) => Promise<Client>;
  readonly servers?: readonly ChildProcess[];
}

/** A program that listens on a port; back when its first call is answered. */
async function gateway({ peer, argsOf, connect, servers = [], launch }: Gateway): Promise<Running> {
  const { script, home, env, dispose } = await programOf(peer);
  const port = await freePort();
  const child = own(
    spawn(process.execPath, [...launch.nodeArgs, script, ...argsOf(port, home)], {
      cwd: home,
      env: { ...env, ...launch.env },
      stdio: ['ignore', 'ignore', 'pipe'],
    }),
  );
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-500)));
  const stop = async (): Promise<void> => {
    await endChild(child);
    for (const server of servers) await endChild(server);
    dispose();
  };
  const open = async (connections: number): Promise<Client> => {
    const end = performance.now() + READY_MS;
    for (;;) {
      try {
        const client = await connect(port, connections);
        await within(5_000, 'the first call', client.call(100));
        return client;
      } catch (error) {
        if (child.exitCode !== null)
          throw new Error(`ended with ${child.exitCode}: ${said}`, { cause: error });
        if (performance.now() > end) throw new Error(`not ready: ${String(error)} ${said}`, { cause: error });
        await pause(200);
      }
    }
  };
  try {
    const client = await open(100);
    return {
      client,
      another: () => connect(port, 1),
      roots: [child.pid!],
      stop: async () => {
        await client.close();
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

const streamable = (port: number, connections: number): Promise<Client> =>
  new HttpClient(urlOf(port), { connections }).initialize();

const command = [process.execPath, ...stdioServers.each];

const asPeer = (name: Peer, start: Leg['start']): Leg => ({ name, kind: 'peer', start });

/** Its endpoint for clients is of the older transport, and it puts the server's name before the tool's. */
const hub = (
  launch: Launch,
  entry: Record<string, unknown>,
  servers: readonly ChildProcess[] = [],
): Promise<Running> =>
  gateway({
    peer: 'mcp-hub',
    launch,
    argsOf: (port, home) => {
      const config = join(home, 'config.json');
      writeFileSync(config, JSON.stringify({ mcpServers: { echo: entry } }));
      // Its catalogue of servers, which it would fetch from the network otherwise.
      const cache = join(home, 'mcp-hub', 'cache');
      mkdirSync(cache, { recursive: true });
      const catalogue = {
        registry: { version: '1', generatedAt: 0, totalServers: 1, servers: [{ id: 'none', name: 'none' }] },
        lastFetchedAt: Date.now(),
        serverDocumentation: {},
      };
      writeFileSync(join(cache, 'registry.json'), JSON.stringify(catalogue));
      return ['--port', String(port), '--config', config];
    },
    connect: async (port) => {
      const client = new SseClient(`http://127.0.0.1:${port}`, 'echo__read');
      try {
        return await (await client.open('/mcp')).initialize();
      } catch (error) {
        await client.close();
        throw error;
      }
    },
    servers,
  });

export const httpToStdioPeers: readonly Leg[] = [
  asPeer('mcp-hub', (launch) => hub(launch, { command: command[0], args: command.slice(1) })),
  asPeer('mcp-proxy', (launch) =>
    gateway({
      peer: 'mcp-proxy',
      launch,
      argsOf: (port) => [
        ...['--port', String(port), '--host', '127.0.0.1', '--server', 'stream', '--no-eventStore', '--'],
        ...command,
      ],
      connect: streamable,
    }),
  ),
  asPeer('supergateway', (launch) =>
    gateway({
      peer: 'supergateway',
      launch,
      argsOf: (port) => [
        ...['--stdio', command.join(' '), '--outputTransport', 'streamableHttp', '--stateful'],
        ...['--port', String(port), '--logLevel', 'none'],
      ],
      connect: streamable,
    }),
  ),
];

export const httpToHttpPeers: readonly Leg[] = [
  asPeer('mcp-hub', async (launch) => {
    const server = await startServer();
    return hub(launch, { url: urlOf(server.port) }, [server.child]);
  }),
];

/** A program that is spoken to over stdio, before an HTTP server. */
async function stdioPeer(
  peer: Peer,
  launch: Launch,
  argsOf: (url: string) => readonly string[],
): Promise<Running> {
  const { script, home, env, dispose } = await programOf(peer);
  const server = await startServer();
  const args = [...launch.nodeArgs, script, ...argsOf(urlOf(server.port))];
  const running = await stdioProgram(args, [server.child], { env: { ...env, ...launch.env }, cwd: home });
  return {
    ...running,
    stop: async () => {
      await running.stop();
      dispose();
    },
  };
}

export const stdioToHttpPeers: readonly Leg[] = [
  asPeer('mcp-remote', (launch) =>
    stdioPeer('mcp-remote', launch, (url) => [url, '--allow-http', '--transport', 'http-only', '--silent']),
  ),
  asPeer('supergateway', (launch) =>
    stdioPeer('supergateway', launch, (url) => ['--streamableHttp', url, '--logLevel', 'none']),
  ),
];
