/**
 * `npm run bench:surfaces`: how long after a server was broken on purpose a person can see it: in the status bar, the tree and the dashboard of a
 * real editor, all three in sight, each noting in its own page when it changes. Writes the table into docs/benchmarks.md. `--quick`: two rounds,
 * nothing is written.
 */
import { cpus, loadavg } from 'node:os';
import { BrokenServers, dashboardFrame, pidOf } from '../test/editor/support/brokenServers.ts';
import { surfaces, SurfaceWatch, type Sight } from '../test/editor/support/surfaces.ts';
import { until } from '../test/editor/support/until.ts';
import { spread } from './figures.ts';
import { intoBenchmarks, isQuick, versions } from './page.ts';

const ROUNDS = isQuick ? 2 : 9;
/** As many failed calls as open the breaker of a remote server in a test's pace; the rest is refused. */
const CALLS = 5;

// One server for each round and way: what was learned of one in an earlier round would change the next.
const names = (kind: string): string[] =>
  Array.from({ length: ROUNDS }, (_, round) => `${kind}-${round + 1}`);
const [exits, hangs] = [names('exit'), names('hang')];
const servers = await BrokenServers.start([...exits, ...hangs]);
const took = new Map<string, number[]>();

function note(kind: string, surface: string, ms: number): void {
  const key = `${kind} ${surface}`;
  took.set(key, [...(took.get(key) ?? []), ms]);
}

try {
  const { window, bridgeTo } = await servers.open();
  // Tall enough for every row of the tree, and a card of the dashboard.
  await window.page.setViewportSize({ width: 1_400, height: 1_300 });
  await window.showServersView();
  const frame = await dashboardFrame(window);
  const web = await bridgeTo('web');

  const isCalm = async (watch: SurfaceWatch): Promise<boolean> =>
    (await watch.now()).every((sight) => sight?.weight === 'normal');

  /** Breaks a server, notes when each surface showed it, and heals it. */
  const round = async (
    server: string,
    shown: readonly (readonly [kind: string, weight: Sight['weight']])[],
    breakIt: () => Promise<number>,
  ): Promise<void> => {
    const watch = await SurfaceWatch.start(window, frame, server);
    await until('all is well before a round', () => isCalm(watch), 60_000);
    const brokenAt = await breakIt();
    for (const [kind, weight] of shown) {
      const first = await until(
        `all surfaces show ${kind}`,
        async () => {
          const found = Object.entries(await watch.firstAfter(brokenAt, weight));
          return found.every(([, at]) => at !== undefined) ? found : undefined;
        },
        60_000,
      );
      for (const [surface, at] of first) note(kind, surface, at! - brokenAt);
      note(kind, 'all', Math.max(...first.map(([, at]) => at!)) - brokenAt);
    }
    servers.mend();
    await window.runCommand('MCP Lifeline: Force Recovery');
    await until('all is well after a round', () => isCalm(watch), 60_000);
  };

  for (let index = 0; index < ROUNDS; index += 1) {
    for (const how of ['exit', 'hang'] as const) {
      const server = (how === 'exit' ? exits : hangs)[index]!;
      const pid = await pidOf(await bridgeTo(server));
      const weight = how === 'exit' ? 'error' : 'warning';
      await round(server, [[how, weight]], () => servers.break(server, pid, how));
    }
    await round('web', [['500', 'warning']], async () => {
      servers.web.hook = (_request, response) => {
        response.writeHead(500).end('no');
        return true;
      };
      const at = Date.now();
      for (let call = 0; call < CALLS; call += 1) await web.call('echo');
      return at;
    });
    console.error(`round ${index + 1} of ${ROUNDS}`);
  }
} finally {
  await servers.stop();
}

const kinds = {
  exit: 'process killed, and ends whenever it is started: red',
  hang: 'process killed, and the new one never answers: a warning',
  500: `HTTP server answers 500, from the first of ${CALLS} calls in a row: a warning`,
};
const rows = Object.entries(kinds).map(
  ([kind, words]) =>
    `| ${[words, ...[...surfaces, 'all'].map((surface) => spread(took.get(`${kind} ${surface}`) ?? [], 0))].join(' | ')} |`,
);
const table = [
  `| what was broken | ${[...surfaces, 'all three'].join(' | ')} |`,
  '| - | - | - | - | - |',
  ...rows,
];
console.log(table.join('\n'));
const load = (loadavg()[0] ?? 0).toFixed(1);
const head = `${versions()}, ${cpus().length} cores shared by everything, load ${load} at the end; milliseconds, medians of ${ROUNDS} rounds (least–most); \`npm run bench:surfaces\`.`;
if (!isQuick) intoBenchmarks('surfaces', head, table.join('\n'));
