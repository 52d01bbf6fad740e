/**
 * `node bench/builds.ts --dist=dist --dist=/somewhere/dist`: builds beside each other, and beside the server alone, in alternating rounds of one run.
 * CPU time of engine and bridge per 1,000 calls is the figure to go by: it hardly moves with what else the machine does.
 */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { TestBed } from '../test/support/testEngine.ts';
import { measure, spread, type Figures } from './figures.ts';
import { Peer } from './peer.ts';

const { values } = parseArgs({
  options: {
    dist: { type: 'string', multiple: true, default: ['dist'] },
    rounds: { type: 'string', default: '5' },
    /** A server that answers what came in one piece in one piece; otherwise each answer is a write, as with the SDKs. */
    batch: { type: 'boolean', default: false },
    only: { type: 'string' },
    'engine-arg': { type: 'string', multiple: true, default: [] },
    'bridge-arg': { type: 'string', multiple: true, default: [] },
  },
});
const server = join(import.meta.dirname, 'echoServer.mjs');
const serverArgs = values.batch ? [server, 'batch'] : [server];

interface Way {
  readonly name: string;
  readonly peer: Peer;
  readonly engine: number | undefined;
  end(): Promise<void> | void;
}

/** CPU time so far, milliseconds; the kernel counts in hundredths of a second. */
function cpuMs(pid: number | undefined): number {
  if (pid === undefined) return 0;
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

async function through(dist: string): Promise<Way> {
  const bed = new TestBed('bench');
  bed.configure({ echo: { command: process.execPath, args: serverArgs } });
  const engine = await bed.startEngine({
    program: join(resolve(dist), 'engine.cjs'),
    nodeArgs: values['engine-arg'],
  });
  const bridge = [...values['bridge-arg'], join(resolve(dist), 'bridge.cjs')];
  const peer = new Peer(process.execPath, [...bridge, '--server', 'echo', '--window', 'bench'], {
    env: bed.environment,
  });
  await peer.initialize();
  return {
    name: dist,
    peer,
    engine: engine.pid,
    end: async () => {
      peer.end();
      await bed.dispose();
    },
  };
}

const direct = new Peer(process.execPath, serverArgs, { env: process.env });
await direct.initialize();
const ways: Way[] = [{ name: 'direct', peer: direct, engine: undefined, end: () => direct.end() }];
for (const dist of values.dist) ways.push(await through(dist));

interface Round extends Figures {
  readonly engineMs: number;
  readonly peerMs: number;
}

const cases = [
  ['read, 1', 2_000, 1, { name: 'read', arguments: {} }],
  ['read, 10', 20_000, 10, { name: 'read', arguments: {} }],
  ['write, 10', 20_000, 10, { name: 'write', arguments: {} }],
  ['read, 100', 40_000, 100, { name: 'read', arguments: {} }],
  ['1 MB, 1', 60, 1, { name: 'read', arguments: { size: 1_000_000 } }],
] as const;

console.log('| case | way | p50 ms | p99 ms | per second | engine ms/1000 | bridge ms/1000 |');
console.log('|---|---|---|---|---|---|---|');
for (const [name, calls, concurrency, params] of cases) {
  if (values.only !== undefined && !name.startsWith(values.only)) continue;
  const rounds = new Map<Way, Round[]>(ways.map((way) => [way, []]));
  const run = async (way: Way, count: number): Promise<Round> => {
    const before = [cpuMs(way.engine), cpuMs(way.peer.child.pid)] as const;
    const figures = await measure(() => way.peer.request('tools/call', params), count, concurrency);
    const per = 1_000 / count;
    return {
      ...figures,
      engineMs: (cpuMs(way.engine) - before[0]) * per,
      peerMs: (cpuMs(way.peer.child.pid) - before[1]) * per,
    };
  };
  for (const way of ways) await run(way, Math.ceil(calls / 4));
  for (let round = 0; round < Number(values.rounds); round += 1)
    for (const way of ways) rounds.get(way)!.push(await run(way, calls));
  for (const way of ways) {
    const of = (pick: (round: Round) => number, digits: number): string =>
      spread(rounds.get(way)!.map(pick), digits);
    const cells = [
      name,
      way.name,
      of((one) => one.p50Ms, 3),
      of((one) => one.p99Ms, 2),
      of((one) => one.perSecond, 0),
      of((one) => one.engineMs, 1),
      of((one) => one.peerMs, 1),
    ];
    console.log(`| ${cells.join(' | ')} |`);
  }
}
for (const way of ways) await way.end();
