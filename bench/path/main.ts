/**
 * `npm run bench`: what the layer costs, beside nothing at all, a bare bridge, and the programs from npm that do the same job. The ways to one server take
 * turns within one run; every answer is checked. Prints the tables, and writes them into docs/benchmarks.md when everything was run. Ends with 1 when a way could
 * not be run or gave a wrong answer; a target that is not reached stands in the table.
 *
 * `--only=stdio,alone,…` some parts; `--legs=direct,lifeline,…` ways whose names contain that; `--concurrency=1,10`, `--sizes=100` some cases; `--rounds=N`,
 * `--ms=N` the number of rounds and the length of one; `--calls=N` of each way alone, `--steady=N` and `--warm=N` its milliseconds at 100 calls a second and before anything; `--quick` less of everything, `--no-peers` without the programs from npm.
 */
import { cpus, loadavg } from 'node:os';
import { intoBenchmarks, isQuick, option, versions } from '../page.ts';
import { aloneTable, measureAlone, type AloneResult } from './alone.ts';
import { compare, tableOf, type GroupResult } from './compare.ts';
import { aloneLegs, groupsOf } from './groups.ts';
import { endOwned, type Leg } from './leg.ts';
import { peerVersions, prepare } from './peers.ts';
import { stagesTable } from './stages.ts';
import { verdictTable } from './verdict.ts';

const list = (name: string): string[] | undefined => option(name)?.split(',');
const number = (name: string, usual: number, quick: number): number =>
  Number(option(name) ?? (isQuick ? quick : usual));
const only = list('only');
const legs = list('legs');
const hasPeers = !process.argv.includes('--no-peers');
const warmMs = number('warm', 1_500, 1_000);
const settings = { rounds: number('rounds', 5, 3), forMs: number('ms', 300, 200), warmMs };
const calls = number('calls', 200_000, 20_000);
const aloneSettings = { calls, steadyMs: number('steady', 5_000, 2_000), warmMs, slopeCalls: calls / 2 };

const isPart = (name: string): boolean => only === undefined || only.includes(name);
const isChosen = ({ name, kind }: Leg): boolean =>
  (kind !== 'peer' || hasPeers) &&
  (legs === undefined || legs.some((part) => name.toLowerCase().includes(part)));
const groups = groupsOf(
  list('sizes')?.map(Number) ?? [100, 10_000, 1_000_000],
  list('concurrency')?.map(Number) ?? [1, 10, 100],
);
const chosen = groups
  .filter(({ name }) => isPart(name))
  .map((group) => ({ ...group, legs: group.legs.filter(isChosen) }));
const alone = isPart('alone') ? aloneLegs.filter(({ leg }) => isChosen(leg)) : [];
if (chosen.length === 0 && alone.length === 0 && !isPart('stages')) {
  console.error(`No such part. There are: ${groups.map(({ name }) => name).join(', ')}, alone, stages`);
  process.exit(2);
}

process.on('exit', endOwned);
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
const began = performance.now();
if (hasPeers) await prepare();
const texts: string[] = [];
const tell = (title: string, table: string): void => {
  texts.push(`#### ${title}\n\n${table}`);
  console.log(`\n${title}\n\n${table}`);
};
const results: GroupResult[] = [];
for (const group of chosen) {
  const result = await compare(group, settings);
  results.push(result);
  tell(group.title, tableOf(result));
}
const aloneResults: AloneResult[] = [];
for (const one of alone) {
  console.error(`alone: ${one.leg.name}, ${one.route}`);
  aloneResults.push(await measureAlone(one, aloneSettings));
}
if (aloneResults.length > 0) tell('Each way by itself', aloneTable(aloneResults));
if (isPart('stages'))
  tell('Each stage of the pipeline by itself', await stagesTable(settings.rounds, Math.ceil(calls / 10)));
const verdict = verdictTable(results, aloneResults);
console.log(`\n${verdict}`);

const failures = [
  ...results.flatMap(({ group, results }) =>
    results.flatMap(({ leg, failure, rounds }) => {
      const errors = [...rounds.values()].flat().reduce((sum, round) => sum + round.errors, 0);
      const problem = failure ?? (errors === 0 ? undefined : `${errors} errors`);
      return problem === undefined ? [] : [`${group.name}, ${leg.name}: ${problem}`];
    }),
  ),
  ...aloneResults.flatMap(({ leg, route, failure, errors }) => {
    const problem = failure ?? (errors === 0 ? undefined : `${errors} errors`);
    return problem === undefined ? [] : [`alone, ${leg.name} (${route}): ${problem}`];
  }),
];
for (const failure of failures) console.error(`FAILED: ${failure}`);
const minutes = ((performance.now() - began) / 60_000).toFixed(0);
console.error(`${minutes} min, ${failures.length} failures`);
/** Only a run without any option is one that later runs can be compared with. */
const isWhole = process.argv.length === 2;
if (isWhole) {
  const load = loadavg()[0]!.toFixed(1);
  const head = `${versions()}, ${cpus().length} cores shared by everything, load ${load} at the end; ${peerVersions()}; \`npm run bench\`, ${minutes} min; ${settings.rounds} rounds of ${settings.forMs} ms.`;
  intoBenchmarks('path', head, [verdict, ...texts].join('\n\n'));
}
process.exit(failures.length === 0 ? 0 : 1);
