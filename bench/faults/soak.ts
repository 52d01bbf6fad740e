/**
 * `npm run bench:soak -- --minutes=20`: a mixed load under random faults for as long as told. Ends with 1 when a call was lost, executed twice or told wrongly, when fewer
 * than 99.9 % of the calls that may be repeated were answered, when the engine's heap grows by more than 1 % per 100,000 calls, or when it keeps a file,
 * socket, timer or process more than before. Writes docs/benchmarks.md from 20 minutes on. `--seed=N` repeats the choice of faults.
 */
import { cpus } from 'node:os';
import { lookInto, type EngineState } from '../../test/support/engineProbe.ts';
import { Chaos, everyFault, httpFaults, serversOf } from './chaos.ts';
import { intoBenchmarks, option, seedOf, versions } from '../page.ts';
import { EVERY_KIND, HttpServer, pause, Stage } from './stage.ts';
import { codes } from './table.ts';

const minutes = Number(option('minutes') ?? 20);
const seed = seedOf();
const SESSIONS_OF_EACH = 2;
const CONCURRENCY = 2;
const CALL_MS = 20;
const THINK_MS = 8;
const EVERY_MS = 2_000;
/** The engine is killed in this first part only: what follows is about one engine's memory. */
const KILLING_PART = 0.25;
/** Its journal remembers the last 20,000 calls that may not be repeated, a third of all: until then its heap grows by design. */
const WARM_CALLS = 75_000;
/** Many, because the journal lets go of thousands of calls at a time: the heap goes up and down by a few per cent. */
const SAMPLES = 240;
const STRETCHES = 8;
const REST_MS = 12_000;
const MIN_AVAILABILITY = 0.999;
const MAX_SLOPE = 0.01;
const counted = ['fds', 'sockets', 'timers', 'children'] as const;

interface Sample {
  readonly calls: number;
  readonly state: EngineState;
}

/** The least heap of each stretch of calls: where it stands when the journal has just let go. A leak raises it. */
function floorsOf(samples: readonly Sample[]): readonly Sample[] {
  const length = Math.ceil(samples.length / STRETCHES);
  return Array.from({ length: STRETCHES }, (_, index) => samples.slice(index * length, (index + 1) * length))
    .filter((stretch) => stretch.length > 0)
    .map((stretch) => stretch.reduce((least, one) => (one.state.heapMb < least.state.heapMb ? one : least)));
}

/** Least squares: MB per call. */
function slopeOf(samples: readonly Sample[], pick: (state: EngineState) => number): number {
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const x = samples.map(({ calls }) => calls);
  const y = samples.map(({ state }) => pick(state));
  const [mx, my] = [mean(x), mean(y)];
  const over = x.reduce((sum, value, index) => sum + (value - mx) * (y[index]! - my), 0);
  const under = x.reduce((sum, value) => sum + (value - mx) ** 2, 0);
  return under === 0 ? 0 : over / under;
}

const stage = new Stage(seed);
const http = await new HttpServer(stage).start();
await stage.start(serversOf(stage, http), {}, { probe: true });
const chaos = new Chaos(stage, http);
const look = (): Promise<EngineState> => lookInto(stage.probeSocket, stage.enginePid);

async function phase(forMs: number, weights: typeof everyFault, sample?: () => Promise<void>): Promise<void> {
  await chaos.open(SESSIONS_OF_EACH);
  http.order(httpFaults);
  const load = stage.load(chaos.clients, {
    mix: EVERY_KIND,
    concurrency: CONCURRENCY,
    maxMs: CALL_MS,
    pauseMs: THINK_MS,
  });
  const running = chaos.run(weights, EVERY_MS);
  const began = performance.now();
  while (performance.now() - began < forMs) {
    await pause(Math.min(forMs / SAMPLES, forMs - (performance.now() - began)));
    stage.forgetSuccesses();
    await sample?.();
  }
  chaos.stop();
  await running;
  http.order({});
  await load.stop();
  await chaos.close();
}

/** The engine with no client but the one that controls it, when nothing is more than in `before`, or after a time. */
async function atRest(before?: EngineState): Promise<EngineState> {
  const end = performance.now() + REST_MS * (before === undefined ? 1 : 3);
  for (;;) {
    await pause(1_000);
    const now = await look();
    if (
      performance.now() > end ||
      (before !== undefined && counted.every((what) => now[what] <= before[what]))
    )
      return now;
  }
}

const totalMs = minutes * 60_000;
console.error(`seed ${seed}, ${minutes} minutes`);
await phase(totalMs * KILLING_PART, everyFault);
const before = await atRest();
const callsBefore = stage.ledger.calls;
const samples: Sample[] = [];
await phase(totalMs * (1 - KILLING_PART), { ...everyFault, 'engine SIGKILL': 0 }, async () => {
  if (stage.ledger.calls - callsBefore < Math.min(WARM_CALLS, minutes * 1_000)) return;
  samples.push({ calls: stage.ledger.calls, state: await look() });
});
const after = await atRest(before);
const engines = stage.engineStarts;
const { servers } = await stage.control.snapshot();
const tally = stage.ledger.tally(stage.record);
const { surplus } = stage;
const leftBehind = await stage.dispose();

const per = 100_000;
const floors = floorsOf(samples);
const heapMb = floors[0]?.state.heapMb ?? NaN;
const heapSlope = (slopeOf(floors, ({ heapMb }) => heapMb) * per) / heapMb;
const pssSlope = slopeOf(samples, ({ pssMb }) => pssMb) * per;
const availability = tally.repeatableAnswered / tally.repeatable;
const measuredCalls = (samples.at(-1)?.calls ?? 0) - (samples[0]?.calls ?? 0);
const zeros: Record<string, number> = {
  lost: tally.lost.length,
  'executed twice': tally.executedTwice.length,
  'told wrongly': tally.toldWrongly.length,
  'answered twice': surplus,
  'processes left': leftBehind,
  ...Object.fromEntries(
    counted.map((what) => [`${what} more than before`, Math.max(0, after[what] - before[what])]),
  ),
};
/** Too few calls say nothing about the slope: noise of a collected heap is a few per cent. */
const isSlopeJudged = measuredCalls >= per;
const failures = [
  ...Object.entries(zeros).flatMap(([name, count]) => (count === 0 ? [] : [`${name}: ${count}`])),
  ...(availability < MIN_AVAILABILITY ? ['availability'] : []),
  ...(isSlopeJudged && heapSlope > MAX_SLOPE ? ['heap'] : []),
];
const percent = (ratio: number, digits: number): string => `${(ratio * 100).toFixed(digits)} %`;
const text = [
  '| what | figure | target |',
  '|---|---|---|',
  `| calls, of them may be repeated | ${tally.calls}, ${tally.repeatable} | |`,
  `| availability: answered of those that may be repeated | ${percent(availability, 3)} | ≥ 99.9 % |`,
  `| of those failed honestly | ${codes(tally.failedRepeatable) || 'none'} | |`,
  `| others: failed honestly | ${codes(tally.failed) || 'none'} | |`,
  ...Object.entries(zeros).map(([name, count]) => `| ${name} | ${count} | 0 |`),
  `| heap after collection, least of the first and of the last eighth | ${heapMb.toFixed(1)} → ${(floors.at(-1)?.state.heapMb ?? NaN).toFixed(1)} MB over ${measuredCalls} calls | |`,
  `| heap slope per 100,000 calls | ${percent(heapSlope, 2)}${isSlopeJudged ? '' : ' (too few calls to judge)'} | ≤ 1 % |`,
  `| PSS, first and last sample; slope per 100,000 calls | ${(samples[0]?.state.pssMb ?? NaN).toFixed(0)} → ${(samples.at(-1)?.state.pssMb ?? NaN).toFixed(0)} MB; ${pssSlope.toFixed(1)} MB | |`,
  `| at rest before → after: fds, sockets, timers, processes | ${counted.map((what) => `${before[what]} → ${after[what]}`).join(', ')} | |`,
  `| faults | ${chaos.summary}; by the HTTP server itself: ${percent(0.014, 1)} of its calls | |`,
  `| engines; restarts of servers (last engine) | ${engines}; ${servers.map(({ id, metrics }) => `${id} ${metrics.restarts}`).join(', ')} | |`,
].join('\n');
console.log(text);
console.error(failures.length === 0 ? 'all reached' : `NOT REACHED: ${failures.join(', ')}`);
for (const keys of [tally.lost, tally.executedTwice, tally.toldWrongly, stage.ledger.failedRepeatable()])
  for (const key of keys.slice(0, 5)) console.error(stage.ledger.describe(key));
if (minutes >= 20)
  intoBenchmarks(
    'soak',
    `${versions()}, ${cpus().length} cores shared by everything; \`npm run bench:soak -- --minutes=${minutes} --seed=${seed}\`.`,
    text,
  );
process.exit(failures.length === 0 ? 0 : 1);
