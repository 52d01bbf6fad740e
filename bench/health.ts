/**
 * `npm run bench:health`: months of stalls, sleeps and long calls through the real health monitor and the real connections, on a simulated clock
 * with modelled servers. False convictions must be 0; servers that hang for good must be noticed in their time (requirements R5.3). Writes
 * its tables into docs/benchmarks.md. `--days=N` runs fewer days, and writes nothing.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  detectionKinds,
  simulateHealth,
  type Detection,
  type SimulationOptions,
  type SimulationResult,
} from '../test/support/healthSimulation.ts';

const MARKS = ['<!-- bench:health begin -->', '<!-- bench:health end -->'] as const;
const DAYS = 30;
const given = process.argv.find((argument) => argument.startsWith('--days='))?.slice('--days='.length);
const days = given === undefined ? DAYS : Number(given);
const targets: Readonly<Record<Detection['kind'], string>> = {
  'local, nothing to do': '45 s',
  'remote, in use': '45 s',
  'remote, not called for long': '10 min + jitter',
  'during a call': 'a few seconds',
};

interface Run {
  readonly title: string;
  readonly options: SimulationOptions;
  readonly result: SimulationResult;
  readonly seconds: number;
}

async function run(title: string, options: SimulationOptions): Promise<Run> {
  const began = performance.now();
  const result = await simulateHealth(options);
  const seconds = (performance.now() - began) / 1_000;
  console.error(
    `${title}, seed ${options.seed}: ${result.falseConvictions.length} false convictions in ${seconds.toFixed(0)} s`,
  );
  for (const one of result.falseConvictions.slice(0, 5)) console.error(`  ${one}`);
  return { title, options, result, seconds };
}

function runsTable(runs: readonly Run[]): string {
  const sum = ({ happened }: SimulationResult, ...names: string[]): number =>
    names.reduce((all, name) => all + (happened[name] ?? 0), 0);
  const head = [
    '| Run | Seed | Days | Stalls of our own | Network stalls | Stopped processes | Sleeps | Calls | of 60 s | Hangs | Suspected, and well | False convictions |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
  ];
  const rows = runs.map(({ title, options, result }) => {
    const cells = [
      title,
      options.seed,
      options.days,
      sum(result, 'local pauses of 1 to 8 s'),
      sum(result, 'network stalls of 1 to 8 s'),
      sum(result, 'pauses of a server (SIGSTOP) of 1 to 30 s'),
      sum(result, 'sleeps of an hour'),
      sum(result, 'calls'),
      sum(result, 'synchronous calls of 60 s'),
      sum(result, 'hangs'),
      result.acquittals,
      result.falseConvictions.length,
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [...head, ...rows].join('\n');
}

function detectionTable(runs: readonly Run[]): string {
  const head = [
    '| Server that hangs for good | Hangs | Median | 95 % | Worst | Target |',
    '| --- | ---: | ---: | ---: | ---: | --- |',
  ];
  const all = runs.flatMap(({ result }) => result.detections);
  const rows = detectionKinds.map((kind) => {
    const took = all
      .filter((one) => one.kind === kind && !one.wasDisturbed)
      .map(({ tookMs }) => tookMs / 1_000)
      .sort((a, b) => a - b);
    const at = (part: number): string =>
      `${(took[Math.floor((took.length - 1) * part)] ?? NaN).toFixed(1)} s`;
    return `| ${[kind, took.length, at(0.5), at(0.95), at(1), targets[kind]].join(' | ')} |`;
  });
  return [...head, ...rows].join('\n');
}

const runs: Run[] = [];
for (const seed of [1, 2, 3]) runs.push(await run('nobody hangs', { seed, days, hangs: false }));
for (const seed of [4, 5]) runs.push(await run('servers hang', { seed, days, hangs: true }));
const blind = await run('without asking whether a process was stopped', {
  seed: 1,
  days,
  hangs: false,
  ignoresStops: true,
});
const hanging = runs.filter(({ options }) => options.hangs);
const unnoticed = hanging.reduce((all, { result }) => all + result.unnoticed, 0);
const disturbed = hanging.flatMap(({ result }) => result.detections).filter((one) => one.wasDisturbed).length;
const text = [
  runsTable([...runs, blind]),
  `${detectionTable(hanging)}\n`,
  `Left out: ${disturbed} hangs during which we stood still or the machine slept. Not noticed: ${unnoticed}.`,
].join('\n\n');
console.log(text);
const falseOnes = runs.reduce((all, { result }) => all + result.falseConvictions.length, 0);
if (given === undefined) {
  const file = join(import.meta.dirname, '..', 'docs', 'benchmarks.md');
  const page = readFileSync(file, 'utf8');
  const [begin, end] = MARKS.map((mark) => page.indexOf(mark));
  const date = new Date().toISOString().slice(0, 10);
  const took = runs.reduce((all, { seconds }) => all + seconds, blind.seconds);
  const head = `${date}, Node ${process.version}; ${Math.round(took)} s for all runs.`;
  if (begin !== undefined && end !== undefined && begin >= 0 && end > begin)
    writeFileSync(
      file,
      `${page.slice(0, begin + MARKS[0].length)}\n\n${head}\n\n${text}\n\n${page.slice(end)}`,
    );
}
process.exit(falseOnes + unnoticed === 0 ? 0 : 1);
