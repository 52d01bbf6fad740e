/** What each stage of the pipeline costs by itself: the same call through the composed pipeline with one stage, in this process, on the real clock. */
import { systemClock } from '../../src/shared/base/clock.ts';
import { systemRandom } from '../../src/shared/base/random.ts';
import { Deadline, type Call, type Outcome } from '../../src/engine/pipeline/call.ts';
import { guardStage } from '../../src/engine/pipeline/guardStage.ts';
import { compose, type Next, type Stage } from '../../src/engine/pipeline/pipeline.ts';
import { poolStage } from '../../src/engine/pipeline/poolStage.ts';
import { retryStage } from '../../src/engine/pipeline/retryStage.ts';
import { StaleAnswers } from '../../src/engine/pipeline/staleAnswers.ts';
import { staleStage } from '../../src/engine/pipeline/staleStage.ts';
import { Breaker } from '../../src/engine/policies/breaker/breaker.ts';
import { Places } from '../../src/engine/policies/pool/places.ts';
import { RetryBudget } from '../../src/engine/policies/retryBudget/retryBudget.ts';
import { Launch } from '../../src/engine/upstream/launch.ts';
import { Outages } from '../../src/engine/upstream/outages.ts';
import { scanFrame } from '../../src/shared/protocol/frameScanner.ts';
import { spread } from '../figures.ts';
import { median } from './compare.ts';

const encoder = new TextEncoder();
const text = 'x'.repeat(100);
const outcome: Outcome = {
  kind: 'answer',
  line: encoder.encode(`{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"${text}"}]}}`),
  isError: false,
};
const line = encoder.encode(
  '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"read","arguments":{"key":"k1","size":100}}}',
);

const raise = (error: unknown): never => {
  throw error;
};

/** A launch that is there and never fails; nothing else of it is looked at. */
const launch = Object.create(Launch.prototype) as Launch;
Object.assign(launch, { outages: new Outages() });

/** What the stages look at of a read; its deadline and its abort are rows of their own. */
const template = {
  seq: 1,
  session: 's',
  server: 'echo',
  method: 'tools/call',
  tool: 'read',
  id: '7',
  line,
  isTask: false,
  retryClass: 'safe',
  deadline: { elapsedMs: 0, remainingMs: 60_000 },
  controller: new AbortController(),
  delivery: 'queued',
  waitsForPlace: false,
  waitedMs: 0,
  attempts: 0,
  launch: undefined,
};

function givenStages(): Record<string, Stage> {
  const connection = {
    usableLaunch: launch,
    whenUsable: () => Promise.resolve(launch),
    onDidChange: () => ({ dispose: () => undefined }),
  };
  const breaker = new Breaker(
    systemClock,
    { failureThreshold: 5, successThreshold: 2, recoveryTimeoutMs: 30_000 },
    raise,
  );
  const places = new Places(10, () => systemClock.now());
  return {
    'stale answers (off by default)': staleStage({
      answers: new StaleAnswers(),
      clock: systemClock,
      onServed: () => undefined,
    }),
    retries: retryStage({
      maxRetries: 5,
      clock: systemClock,
      random: systemRandom,
      backoff: { baseMs: 1_000, maxMs: 60_000, jitterRatio: 0.1 },
      budget: new RetryBudget(),
      onRetry: () => undefined,
      onRefused: () => undefined,
    }),
    'places at the server': poolStage({
      places: places.session('s'),
      connection,
      breaker,
      typicalMs: () => undefined,
    }),
    'breaker and connection': guardStage(connection, breaker, () => undefined),
  };
}

const next: Next = () => Promise.resolve(outcome);

/** One call after another, nanoseconds each. */
async function timeOf(run: () => unknown, calls: number): Promise<number> {
  const began = performance.now();
  for (let call = 0; call < calls; call += 1) await run();
  return ((performance.now() - began) / calls) * 1_000_000;
}

const through = (stages: readonly Stage[]) => {
  const pipeline = compose(stages, next);
  return () => pipeline({ ...template } as unknown as Call);
};

/** A table: nanoseconds of a call with each stage, and what that adds to a pipeline with none. */
export async function stagesTable(rounds: number, calls: number): Promise<string> {
  const stages = givenStages();
  const rows: readonly (readonly [name: string, run: () => unknown])[] = [
    ['no stage', through([])],
    ...Object.entries(stages).map(([name, stage]) => [name, through([stage])] as const),
    ['all of them', through(Object.values(stages))],
    [
      'a deadline, begun and ended',
      () => new Deadline(systemClock, { totalMs: 600_000, capMs: 600_000 }, () => undefined).dispose(),
    ],
    ['an abort controller', () => new AbortController()],
    ['the scan of a request of 100 B', () => scanFrame(line)],
  ];
  const times = rows.map((): number[] => []);
  for (const [, run] of rows) await timeOf(run, calls / 2);
  for (let round = 0; round < rounds; round += 1)
    for (const [index, [, run]] of rows.entries()) times[index]!.push(await timeOf(run, calls));
  const lines = rows.map(([name], index) => {
    const mine = times[index]!;
    const added = mine.map((time, round) => time - times[0]![round]!);
    return `| ${name} | ${spread(mine, 0)} | ${index === 0 ? '' : median(added).toFixed(0)} |`;
  });
  return ['| in the pipeline | ns per call | added ns |', '|---|---|---|', ...lines].join('\n');
}
