/**
 * `npm run bench:path`: what the layer costs. The same calls go to the same server directly and through bridge and engine, in
 * alternating rounds of one run; medians over the rounds, and the ratio. Targets: requirements R13.2 and R13.2b.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bridgePath, TestBed } from '../test/support/testEngine.ts';
import { measure, spread, type Figures } from './figures.ts';
import { Peer } from './peer.ts';

const ROUNDS = 5;
const echoServer = join(import.meta.dirname, 'echoServer.mjs');

function memory(pid: number): string {
  try {
    const kib = /Pss:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1];
    return `${(Number(kib) / 1_024).toFixed(1)} MB PSS`;
  } catch {
    return 'unknown on this system';
  }
}

const bed = new TestBed('bench');
bed.configure({ echo: { command: process.execPath, args: [echoServer] } });
const engine = await bed.startEngine();
const direct = new Peer(process.execPath, [echoServer], { env: process.env });
const bridged = new Peer(process.execPath, [bridgePath, '--server', 'echo', '--window', 'bench'], {
  env: bed.environment,
});
await Promise.all([direct.initialize(), bridged.initialize()]);

console.log(`Node ${process.version}, ${ROUNDS} alternating rounds, medians (min–max)`);
console.log(
  '| case | direct p50 ms | bridge p50 ms | added p50 ms | added p99 ms | direct /s | bridge /s | ratio |',
);
console.log('|---|---|---|---|---|---|---|---|');
for (const [name, calls, concurrency, params] of [
  ['100 B read-only, 1 at a time', 3_000, 1, { name: 'read', arguments: {} }],
  ['100 B at-most-once, 1 at a time', 3_000, 1, { name: 'write', arguments: {} }],
  ['100 B read-only, 10', 30_000, 10, { name: 'read', arguments: {} }],
  ['100 B at-most-once, 10', 30_000, 10, { name: 'write', arguments: {} }],
  ['100 B read-only, 100', 60_000, 100, { name: 'read', arguments: {} }],
  ['1 MB result, 1 at a time', 60, 1, { name: 'read', arguments: { size: 1_000_000 } }],
] as const) {
  const rounds: { direct: Figures; bridged: Figures }[] = [];
  const run = (peer: Peer, count: number): Promise<Figures> =>
    measure(() => peer.request('tools/call', params), count, concurrency);
  await run(direct, calls / 10);
  await run(bridged, calls / 10);
  for (let round = 0; round < ROUNDS; round += 1)
    rounds.push({ direct: await run(direct, calls), bridged: await run(bridged, calls) });
  const of = (pick: (round: (typeof rounds)[number]) => number, digits: number): string =>
    spread(rounds.map(pick), digits);
  const cells = [
    name,
    of((round) => round.direct.p50Ms, 3),
    of((round) => round.bridged.p50Ms, 3),
    of((round) => round.bridged.p50Ms - round.direct.p50Ms, 3),
    of((round) => round.bridged.p99Ms - round.direct.p99Ms, 2),
    of((round) => round.direct.perSecond, 0),
    of((round) => round.bridged.perSecond, 0),
    of((round) => round.bridged.perSecond / round.direct.perSecond, 2),
  ];
  console.log(`| ${cells.join(' | ')} |`);
}
console.log(`engine ${memory(engine.pid)}, bridge ${memory(bridged.child.pid!)}, after the calls above`);
direct.end();
bridged.end();
await bed.dispose();
