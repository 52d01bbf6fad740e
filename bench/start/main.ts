/**
 * `npm run bench:start`: how large the extension is, how fast its programs start, and what they cost at rest; beside Node alone and a relay with nothing in
 * it. Alternating rounds, medians with least and most. Writes the table into docs/benchmarks.md. `--quick`: few and short rounds, nothing is written.
 * `--no-editor` leaves the real editor out, and then nothing is written either.
 */
import { execFileSync } from 'node:child_process';
import { globSync, statSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../../test/support/testEngine.ts';
import { spread } from '../figures.ts';
import { intoBenchmarks, isQuick, versions } from '../page.ts';
import { idleWindow, nodeMemory, relayMemory } from './rest.ts';
import {
  echo,
  engines,
  Listener,
  nodeAlone,
  serveStart,
  slow,
  toolsDirectly,
  toolsThroughUs,
} from './starts.ts';

const ROUNDS = isQuick ? 2 : 9;
const REST_ROUNDS = isQuick ? 1 : 3;
const SETTLE_MS = 1_500;
const IDLE_MS = isQuick ? 2_000 : 12_000;
const WINDOWS = isQuick ? 2 : 5;
const withEditor = !process.argv.includes('--no-editor');

const figures = new Map<string, number[]>();
const note = (name: string, value: number): void => {
  figures.set(name, [...(figures.get(name) ?? []), value]);
};
const told = (name: string, unit: string, digits = 0): string =>
  `${spread(figures.get(name) ?? [], digits)} ${unit}`;

const listener = await Listener.open();
for (let round = 0; round < ROUNDS; round += 1) {
  note('node', await nodeAlone());
  note('relay', await listener.relay());
  note('bridge', await listener.bridge());
  const { first, next } = await engines();
  note('engine first', first.readyMs);
  note('engine first cpu', first.cpuMs);
  note('engine', next.readyMs);
  note('engine cpu', next.cpuMs);
  note('serve', await serveStart());
  note('tools directly', await toolsDirectly(echo));
  const { emptyMs, filledMs } = await toolsThroughUs(echo);
  note('tools empty', emptyMs);
  note('tools filled', filledMs);
  console.error(`round ${round + 1} of ${ROUNDS}`);
}
await listener.close();
for (let round = 0; round < REST_ROUNDS; round += 1) {
  note('slow directly', await toolsDirectly(slow));
  const { emptyMs, filledMs } = await toolsThroughUs(slow);
  note('slow empty', emptyMs);
  note('slow filled', filledMs);
  const [node, relay, window] = [
    await nodeMemory(SETTLE_MS),
    await relayMemory(SETTLE_MS),
    await idleWindow(SETTLE_MS, IDLE_MS),
  ];
  for (const [name, memory] of Object.entries({ node, relay, bridge: window.bridge })) {
    note(`${name} of nine`, memory.ofNineMb);
    note(`${name} alone`, memory.aloneMb);
  }
  note('engine memory', window.enginePssMb);
  note('engine idle', window.engineCpuPercent);
  note('bridges idle', window.bridgesCpuPercent);
  console.error(`rest ${round + 1} of ${REST_ROUNDS}`);
}
if (withEditor) {
  const program = join(import.meta.dirname, 'editor.ts');
  const answer = execFileSync(process.execPath, [program, String(WINDOWS)], { encoding: 'utf8' });
  for (const time of JSON.parse(answer) as number[]) note('activation', time);
}

const kb = (file: string): string => `${(statSync(file).size / 1_024).toFixed(0)} KB`;
const dist = (name: string): string => kb(join(projectRoot, 'dist', name));
const rows: readonly (readonly [what: string, ours: string, beside: string, target: string])[] = [
  ['VSIX', kb(globSync(join(projectRoot, 'dist', '*.vsix'))[0] ?? ''), '', '≤ 3 MB'],
  ['bridge: size', dist('bridge.cjs'), '', ''],
  ['engine: what each start loads', `${dist('engine.cjs')} + ${dist('program.cjs')}`, '', ''],
  [
    'engine: with a language client; with HTTP servers',
    `${dist('lib/languageServer.cjs')}; ${dist('lib/undici.cjs')} more`,
    '',
    '',
  ],
  [
    'extension: at activation; after it',
    `${dist('extension.cjs')}; ${dist('lib/languageClient.cjs')} more`,
    '',
    '',
  ],
  ...(withEditor
    ? [['activation in VS Code, with loading the code', told('activation', 'ms'), '', '≤ 50 ms'] as const]
    : []),
  [
    'bridge: from its start to its first bytes at the engine',
    told('bridge', 'ms'),
    `relay ${told('relay', 'ms')}; Node alone ${told('node', 'ms')}`,
    '≤ 60 ms',
  ],
  [
    'engine: from its start to serving with its settings',
    told('engine', 'ms'),
    `Node alone ${told('node', 'ms')}`,
    '≤ 500 ms',
  ],
  ['the same, the first start ever', told('engine first', 'ms'), '', '≤ 500 ms'],
  ['CPU of these starts', `${told('engine cpu', 'ms')}; first ${told('engine first cpu', 'ms')}`, '', ''],
  ['`serve`: from its start to its ready line', told('serve', 'ms'), '', ''],
  [
    'engine and bridge started together: tools listed, nothing known of the server',
    told('tools empty', 'ms'),
    `server alone ${told('tools directly', 'ms')}`,
    '',
  ],
  [
    'the same, with what an earlier engine has learned',
    told('tools filled', 'ms'),
    `server alone ${told('tools directly', 'ms')}`,
    '',
  ],
  [
    'a server that needs 6 s to start: the same two',
    `${told('slow empty', 'ms')}; ${told('slow filled', 'ms')}`,
    `server alone ${told('slow directly', 'ms')}`,
    '',
  ],
  [
    'bridge: PSS, one of nine',
    told('bridge of nine', 'MB', 1),
    `relay ${told('relay of nine', 'MB', 1)}; Node alone ${told('node of nine', 'MB', 1)}`,
    '≤ 12 MB',
  ],
  [
    'bridge: PSS, the only one',
    told('bridge alone', 'MB', 1),
    `relay ${told('relay alone', 'MB', 1)}; Node alone ${told('node alone', 'MB', 1)}`,
    '',
  ],
  ['engine with nine servers: PSS', told('engine memory', 'MB', 1), '', ''],
  [
    `engine with nine servers that nobody calls: CPU of one core, in steps of ${(1_000 / IDLE_MS).toFixed(2)} %`,
    told('engine idle', '%', 2),
    '',
    '≤ 0.5 %',
  ],
  ['its nine bridges together', told('bridges idle', '%', 2), '', ''],
];
const table = [
  '| what | figure | beside it | target |',
  '| --- | --- | --- | --- |',
  ...rows.map((row) => `| ${row.join(' | ')} |`),
].join('\n');
console.log(table);
const load = loadavg()[0] ?? 0;
const head = `${versions()}, ${cpus().length} cores shared by everything, load ${load.toFixed(1)} at the end; medians of ${ROUNDS} rounds (least–most), at rest of ${REST_ROUNDS}; \`npm run bench:start\`.`;
if (!isQuick && withEditor) intoBenchmarks('start', head, table);
process.exit();
