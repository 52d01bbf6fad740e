/**
 * `npm run bench:observability`: what it costs to see everything. Engines with the same server behind them, one with nothing switched on, one with everything, one
 * with each alone, take turns within one run; the client is a bridge's, the server a real one. Target of issue 6: throughput with everything ≥ 95 % of that with nothing.
 *
 * `--dist=FOLDER` another build beside them, with nothing switched on (say, of before); `--only=audit,…` some of the switches; `--concurrency=10,100`, `--rounds=N`, `--ms=N`,
 * `--quick` less of everything, and nothing is written down. CPU time of engine and bridge per 1,000 calls hardly moves with what else the machine does.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { cpus, loadavg } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { EngineConfiguration } from '../src/shared/protocol/engineMessages.ts';
import { TestBed } from '../test/support/testEngine.ts';
import { spread } from './figures.ts';
import { intoBenchmarks, isQuick, versions } from './page.ts';
import { median, short } from './path/compare.ts';
import { applyLoad, type LoadFigures } from './path/load.ts';
import { withDescendants } from './path/processes.ts';
import { threadsMs } from './threads.ts';
import { Peer } from './peer.ts';

const { values } = parseArgs({
  options: {
    dist: { type: 'string', multiple: true, default: [] },
    only: { type: 'string' },
    concurrency: { type: 'string', default: '1,10,100' },
    rounds: { type: 'string', default: isQuick ? '4' : '12' },
    ms: { type: 'string', default: isQuick ? '300' : '500' },
    quick: { type: 'boolean', default: false },
  },
});
const TARGET = 0.95;
const WARM_MS = 1_500;
const server = join(import.meta.dirname, 'echoServer.mjs');

/** A collector that takes what it is sent, and does nothing with it. */
const collector = createServer((request, response) => {
  request.resume().on('end', () => response.end());
}).listen(0, '127.0.0.1');
await once(collector, 'listening');
collector.unref();
const otlp = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;

/** Each thing that can be switched on, as the extension would hand it over. What cannot be switched off is in every column. */
const switches: Readonly<Record<string, Partial<EngineConfiguration>>> = {
  audit: { audit: true },
  // Measured only: no call of it is recorded.
  'telemetry-no-traces': { telemetry: { otlp, interval: 1, sampling: 0 } },
  // Every call, with its two spans.
  telemetry: { telemetry: { otlp, interval: 1 } },
};
const chosen = Object.entries(switches).filter(
  ([name]) => values.only === undefined || values.only.split(',').includes(name),
);

interface Way {
  readonly name: string;
  readonly peer: Peer;
  readonly engine: number;
  readonly end: () => Promise<void>;
}

async function start(name: string, more: Partial<EngineConfiguration>, dist = 'dist'): Promise<Way> {
  const bed = new TestBed('bench');
  bed.configure({ echo: { command: process.execPath, args: [server] } });
  bed.more = more;
  const engine = await bed.startEngine({ program: join(resolve(dist), 'engine.cjs') });
  const bridge = [join(resolve(dist), 'bridge.cjs'), '--server', 'echo', '--window', 'bench'];
  const peer = new Peer(process.execPath, bridge, { env: bed.environment });
  await peer.initialize();
  return {
    name,
    peer,
    engine: engine.pid,
    end: async () => {
      peer.end();
      await bed.dispose();
    },
  };
}

const everything = Object.assign({}, ...chosen.map(([, more]) => more)) as Partial<EngineConfiguration>;
const ways: Way[] = [await start('nothing', {})];
if (chosen.length > 1) ways.push(await start('everything', everything));
for (const [name, more] of chosen) ways.push(await start(name, more));
for (const dist of values.dist) ways.push(await start(dist, {}, dist));

interface Round extends LoadFigures {
  readonly engineMs: number;
  readonly bridgeMs: number;
}

async function load({ peer, engine }: Way, concurrency: number, forMs: number): Promise<Round> {
  const pids = [withDescendants([engine]), [peer.child.pid ?? 0]] as const;
  const before = pids.map(threadsMs);
  const call = (): Promise<void> =>
    peer.request('tools/call', { name: 'read', arguments: {} }).then((line) => {
      if (!line.includes('"result"')) throw new Error(line.slice(0, 200));
    });
  const figures = await applyLoad({ call, concurrency, forMs });
  const [engineMs = NaN, bridgeMs = NaN] = pids.map(
    (each, index) => ((threadsMs(each) - (before[index] ?? 0)) / figures.calls) * 1_000,
  );
  return { ...figures, engineMs, bridgeMs };
}

const HEAD = [
  'at a time',
  'switched on',
  'requests/s',
  '÷ nothing',
  'p50 ms',
  'p99 ms',
  'added p50 ms',
  'added p99 ms',
  'engine CPU ms per 1,000',
  '+',
  'bridge CPU ms per 1,000',
];
const table = [HEAD, HEAD.map(() => '---')];
const verdicts: string[] = [];
let errors = 0;
for (const concurrency of values.concurrency.split(',').map(Number)) {
  const rounds = new Map<Way, Round[]>(ways.map((way) => [way, []]));
  for (const way of ways) await load(way, concurrency, WARM_MS);
  for (let round = 0; round < Number(values.rounds); round += 1) {
    // There and back again, so that nobody always follows the same one.
    for (const way of round % 2 === 0 ? ways : ways.toReversed())
      rounds.get(way)?.push(await load(way, concurrency, Number(values.ms)));
  }
  const [first] = ways;
  const base = (first && rounds.get(first)) ?? [];
  for (const way of ways) {
    const own = rounds.get(way) ?? [];
    const beside = (how: (a: Round, b: Round) => number): number[] =>
      own.flatMap((one, index) => (base[index] === undefined ? [] : [how(one, base[index])]));
    const ratios = beside((a, b) => a.perSecond / b.perSecond);
    const other = way !== first;
    errors += own.reduce((sum, round) => sum + round.errors, 0);
    const isWanted = way.name === 'everything' || chosen.length === 1;
    if (other && isWanted && !values.dist.includes(way.name)) {
      const ratio = median(ratios);
      verdicts.push(
        `${concurrency} at a time: ${ratio.toFixed(3)}, ${ratio >= TARGET ? 'reached' : `short of ${TARGET}`}`,
      );
    }
    table.push([
      String(concurrency),
      way.name,
      spread(
        own.map(({ perSecond }) => perSecond),
        0,
      ),
      other ? spread(ratios, 2) : '',
      short(median(own.map(({ p50Ms }) => p50Ms))),
      short(median(own.map(({ p99Ms }) => p99Ms))),
      other ? short(median(beside((a, b) => a.p50Ms - b.p50Ms))) : '',
      other ? short(median(beside((a, b) => a.p99Ms - b.p99Ms))) : '',
      short(median(own.map(({ engineMs }) => engineMs))),
      other ? short(median(beside((a, b) => a.engineMs - b.engineMs))) : '',
      short(median(own.map(({ bridgeMs }) => bridgeMs))),
    ]);
  }
}
for (const way of ways) await way.end();

const text = table.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
const verdict = verdicts.map((line) => `- ${line}`).join('\n');
console.log(`${text}\n\n${verdict}\n\nerrors: ${errors}; load ${loadavg()[0]!.toFixed(1)}`);
if (!isQuick && values.only === undefined) {
  const builds = values.dist.length === 0 ? '' : ` Builds beside it: ${values.dist.join(', ')}.`;
  const head = `${versions()}, ${cpus().length} cores shared by everything, load ${loadavg()[0]!.toFixed(1)} at the end; \`npm run bench:observability\`; ${values.rounds} rounds of ${values.ms} ms each, medians (least–most), ratios round by round.${builds}`;
  intoBenchmarks('observability', head, `${verdict}\n\n${text}`);
}
process.exit(errors === 0 ? 0 : 1);
