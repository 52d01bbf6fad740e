/**
 * `npm run bench:faults`: what becomes of calls when something breaks. Every row is an engine of its own, with real bridges, real servers that write
 * down each execution, and one fault; ends with 1 when a call was lost, executed twice or told wrongly, when the engine's counters are not what clients and servers
 * counted themselves, or when anything else is not 0 that must be. Writes the
 * table into docs/benchmarks.md when all rows were run. `--only=name,…` runs some, `--seed=N` repeats a run, `--calls=N` sets the number of the random row,
 * `--quick` makes the large numbers small.
 */
import { cpus } from 'node:os';
import { intoBenchmarks, isQuick, option, seedOf, versions } from '../page.ts';
import { play, type Result, type Row } from './row.ts';
import { engineRows } from './engineRows.ts';
import { httpRows } from './httpRows.ts';
import { outputRows } from './outputRows.ts';
import { processRows } from './processRows.ts';
import { randomRow } from './randomRow.ts';
import { sessionRows } from './sessionRows.ts';
import { simulatedRows } from './simulatedRows.ts';
import { lineOf, seconds, table } from './table.ts';

const seed = seedOf();
const only = option('only')?.split(',');
const rows: readonly Row[] = [
  ...processRows,
  ...simulatedRows,
  ...outputRows,
  ...httpRows,
  ...engineRows,
  ...sessionRows,
  randomRow(Number(option('calls') ?? (isQuick ? 5_000 : 100_000))),
];
const chosen = rows.filter(({ name }) => only === undefined || only.includes(name));
if (chosen.length === 0) {
  console.error(`No such row. There are: ${rows.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}

console.error(`seed ${seed}`);
const results: Result[] = [];
let failures = 0;
const began = performance.now();
async function playOne(row: Row): Promise<void> {
  try {
    const result = await play(row, seed);
    results.push(result);
    const isWrong = Object.keys(result.wrong).length > 0;
    if (isWrong) failures += 1;
    console.error(`${isWrong ? 'WRONG ' : ''}${row.name} (${seconds(result.tookMs)}): ${lineOf(result)}`);
    if (isWrong || only !== undefined) console.error(result.wrong, result.examples);
  } catch (error) {
    failures += 1;
    console.error(`${row.name}: FAILED:`, error);
  }
}
// Those that wait cost nothing and are played together; the others have the machine to themselves.
await Promise.all(chosen.filter(({ waits }) => waits === true).map(playOne));
for (const row of chosen) if (row.waits !== true) await playOne(row);
results.sort((a, b) => chosen.findIndex((row) => row === a.row) - chosen.findIndex((row) => row === b.row));
const text = table(results);
console.log(text);
console.error(
  `${chosen.length} rows in ${seconds(performance.now() - began)}, seed ${seed}, ${failures} wrong`,
);
if (only === undefined && !isQuick && results.length === chosen.length) {
  const tookMs = performance.now() - began;
  const head = `${versions()}, ${cpus().length} cores shared by everything; \`npm run bench:faults -- --seed=${seed}\`, ${seconds(tookMs)} in all.`;
  intoBenchmarks('faults', head, text);
}
process.exit(failures === 0 ? 0 : 1);
