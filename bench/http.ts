/**
 * `npm run bench:http`: what the layer costs over HTTP. The same calls go to the same HTTP server directly and through the endpoint,
 * and to a stdio server through the endpoint, in alternating rounds of one run. Target: requirements R13.2.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Pool } from 'undici';
import { StandaloneBed } from '../test/support/standalone.ts';
import { measure, spread, type Figures } from './figures.ts';

const ROUNDS = 5;

/** A client of one session that costs as little as possible. */
class HttpClient {
  readonly #pool: Pool;
  readonly #path: string;
  readonly #headers: Record<string, string>;
  #lastId = 0;

  constructor(url: string, token?: string) {
    const { origin, pathname } = new URL(url);
    this.#pool = new Pool(origin, { connections: 100, pipelining: 1 });
    this.#path = pathname;
    this.#headers = {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    };
  }

  async request(method: string, params: unknown): Promise<void> {
    this.#lastId += 1;
    const body = JSON.stringify({ jsonrpc: '2.0', id: this.#lastId, method, params });
    const answer = await this.#pool.request({
      path: this.#path,
      method: 'POST',
      headers: this.#headers,
      body,
    });
    const { length } = await answer.body.arrayBuffer().then((bytes) => new Uint8Array(bytes));
    if (answer.statusCode !== 200 || length === 0) throw new Error(`${method}: ${answer.statusCode}`);
    const session = answer.headers['mcp-session-id'];
    if (typeof session === 'string') this.#headers['mcp-session-id'] = session;
  }

  async initialize(): Promise<this> {
    const clientInfo = { name: 'bench', version: '1.0.0' };
    await this.request('initialize', { protocolVersion: '2025-06-18', capabilities: {}, clientInfo });
    const body = '{"jsonrpc":"2.0","method":"notifications/initialized"}';
    await this.#pool
      .request({ path: this.#path, method: 'POST', headers: this.#headers, body })
      .then((answer) => answer.body.dump());
    await this.request('tools/list', {});
    return this;
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}

const server = spawn(process.execPath, [join(import.meta.dirname, 'echoHttpServer.mjs')], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
const [port] = (await once(server.stdout, 'data')) as [Buffer];
const url = `http://127.0.0.1:${String(port).trim()}/mcp`;
const bed = new StandaloneBed();
const { ready } = await bed.serve({
  servers: {
    http: { type: 'http', url },
    stdio: { command: process.execPath, args: [join(import.meta.dirname, 'echoServer.mjs')] },
  },
});
const through = (name: string) => new HttpClient(ready.servers[name]?.url ?? '', ready.token).initialize();
const legs = {
  direct: await new HttpClient(url).initialize(),
  http: await through('http'),
  stdio: await through('stdio'),
};

console.log(`Node ${process.version}, ${ROUNDS} alternating rounds, medians (min–max)`);
console.log(
  '| case | direct p50 ms | to HTTP p50 ms | to HTTP added p50 ms | added p99 ms | to stdio p50 ms | direct /s | to HTTP /s | ratio | to stdio /s |',
);
console.log('|---|---|---|---|---|---|---|---|---|---|');
for (const [name, calls, concurrency, params] of [
  ['100 B read-only, 1 at a time', 2_000, 1, { name: 'read', arguments: {} }],
  ['100 B at-most-once, 1 at a time', 2_000, 1, { name: 'write', arguments: {} }],
  ['100 B read-only, 10', 6_000, 10, { name: 'read', arguments: {} }],
  ['100 B read-only, 100', 8_000, 100, { name: 'read', arguments: {} }],
  ['1 MB result, 1 at a time', 60, 1, { name: 'read', arguments: { size: 1_000_000 } }],
] as const) {
  const rounds: Record<keyof typeof legs, Figures>[] = [];
  const run = (leg: keyof typeof legs, count: number): Promise<Figures> =>
    measure(() => legs[leg].request('tools/call', params), count, concurrency);
  for (const leg of ['direct', 'http', 'stdio'] as const) await run(leg, calls / 5);
  for (let round = 0; round < ROUNDS; round += 1) {
    rounds.push({
      direct: await run('direct', calls),
      http: await run('http', calls),
      stdio: await run('stdio', calls),
    });
  }
  const of = (pick: (round: (typeof rounds)[number]) => number, digits: number): string =>
    spread(rounds.map(pick), digits);
  const cells = [
    name,
    of((round) => round.direct.p50Ms, 3),
    of((round) => round.http.p50Ms, 3),
    of((round) => round.http.p50Ms - round.direct.p50Ms, 3),
    of((round) => round.http.p99Ms - round.direct.p99Ms, 2),
    of((round) => round.stdio.p50Ms, 3),
    of((round) => round.direct.perSecond, 0),
    of((round) => round.http.perSecond, 0),
    of((round) => round.http.perSecond / round.direct.perSecond, 2),
    of((round) => round.stdio.perSecond, 0),
  ];
  console.log(`| ${cells.join(' | ')} |`);
}
const pss = /Pss:\s+(\d+)/.exec(readFileSync(`/proc/${ready.pid}/smaps_rollup`, 'utf8'))?.[1];
console.log(`engine ${(Number(pss) / 1_024).toFixed(1)} MB PSS after the calls above`);
for (const leg of Object.values(legs)) await leg.close();
server.kill();
await bed.dispose();
