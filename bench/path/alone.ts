import { setTimeout as pause } from 'node:timers/promises';
import { cell, short } from './compare.ts';
import { startLeg, type Leg, type Running } from './leg.ts';
import { applyLoad, applyRate, type LoadFigures } from './load.ts';
import { cpuMs, rssMb, withDescendants } from './processes.ts';
import { Probe, type Look } from './probe.ts';

/** One way after another, each with a fresh start: what it needs at an editor's pace, and what many calls leave in its memory. */

export interface Alone {
  readonly leg: Leg;
  /** What it is between, for the table. */
  readonly route: string;
}

export interface AloneSettings {
  readonly calls: number;
  /** How long it is called at an editor's pace. */
  readonly steadyMs: number;
  /** How long it is called before anything is measured. */
  readonly warmMs: number;
  /** The slope of the heap is taken over that many further calls; for our own ways only. */
  readonly slopeCalls: number;
}

export interface AloneResult extends Alone {
  readonly failure: string | undefined;
  readonly errors: number;
  readonly idleMb: number;
  readonly steady:
    { readonly cpuPercent: number; readonly p50Ms: number; readonly p99Ms: number } | undefined;
  readonly load: LoadFigures | undefined;
  readonly cpuPer1000Ms: number;
  /** All processes of the way, and the engine or whatever is in its place. */
  readonly loadedMb: number;
  readonly loadedMainMb: number;
  readonly heap: { readonly beforeMb: number; readonly afterMb: number } | undefined;
  readonly delayMs: Look['delayMs'];
  /** Share by which the heap grows in 100,000 calls. */
  readonly heapSlope: number;
}

const STEADY_PER_SECOND = 100;
const CONCURRENCY = 100;
const SIZE = 100;
/** A way that needs longer for its calls is measured after fewer; the table tells how many. */
const LOAD_MS = 60_000;
const SLOPE_SAMPLES = 10;
const PER = 100_000;

/** Least squares: what the heap grows by in `PER` calls, as a share of what it was. */
function slopeOf(samples: readonly { readonly calls: number; readonly heapMb: number }[]): number {
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const mx = mean(samples.map(({ calls }) => calls));
  const my = mean(samples.map(({ heapMb }) => heapMb));
  const over = samples.reduce((sum, { calls, heapMb }) => sum + (calls - mx) * (heapMb - my), 0);
  const under = samples.reduce((sum, { calls }) => sum + (calls - mx) ** 2, 0);
  return under === 0 ? NaN : ((over / under) * PER) / my;
}

export async function measureAlone(one: Alone, settings: AloneSettings): Promise<AloneResult> {
  const probe = new Probe();
  const result: { -readonly [key in keyof AloneResult]: AloneResult[key] } = {
    ...one,
    failure: undefined,
    errors: 0,
    idleMb: NaN,
    steady: undefined,
    load: undefined,
    cpuPer1000Ms: NaN,
    loadedMb: NaN,
    loadedMainMb: NaN,
    heap: undefined,
    delayMs: undefined,
    heapSlope: NaN,
  };
  let running: Running | undefined;
  try {
    running = await startLeg(one.leg, probe);
    await measure(running, probe, result, settings);
  } catch (error) {
    result.failure = error instanceof Error ? error.message : String(error);
    console.error(`${one.leg.name}, ${one.route}: ${result.failure}`);
  }
  try {
    await running?.stop();
  } catch (error) {
    result.failure ??= `did not end: ${String(error)}`;
  }
  probe.dispose();
  return result;
}

async function measure(
  running: Running,
  probe: Probe,
  result: { -readonly [key in keyof AloneResult]: AloneResult[key] },
  { calls, steadyMs, warmMs, slopeCalls }: AloneSettings,
): Promise<void> {
  const { client, roots } = running;
  const load = async (count: number, forMs = 0): Promise<LoadFigures> => {
    const figures = await applyLoad({
      call: () => client.call(SIZE),
      concurrency: CONCURRENCY,
      forMs,
      minCalls: count,
      maxMs: LOAD_MS,
    });
    result.errors += figures.errors;
    return figures;
  };
  await client.call(SIZE);
  await pause(Math.min(1_000, steadyMs));
  const hasProcesses = roots.length > 0;
  if (hasProcesses) result.idleMb = rssMb(withDescendants(roots));
  await load(0, warmMs);
  const steadyPids = withDescendants(roots);
  const [steadyBefore, began] = [cpuMs(steadyPids), performance.now()];
  const { p50Ms, p99Ms, errors } = await applyRate({
    call: () => client.call(SIZE),
    perSecond: STEADY_PER_SECOND,
    lanes: 1,
    forMs: steadyMs,
  });
  const cpuPercent = ((cpuMs(steadyPids) - steadyBefore) / (performance.now() - began)) * 100;
  result.steady = { cpuPercent, p50Ms, p99Ms };
  result.errors += errors;
  if (!hasProcesses) return;
  const before = await probe.look();
  const pids = withDescendants(roots);
  const cpuBefore = cpuMs(pids);
  result.load = await load(calls);
  result.cpuPer1000Ms = ((cpuMs(pids) - cpuBefore) / result.load.calls) * 1_000;
  result.loadedMb = rssMb(withDescendants(roots));
  result.loadedMainMb = rssMb(roots.slice(0, 1));
  const after = await probe.look();
  result.heap = { beforeMb: before.heapMb, afterMb: after.heapMb };
  result.delayMs = after.delayMs;
  if (result.leg.kind !== 'ours') return;
  const samples = [{ calls: 0, heapMb: after.heapMb }];
  for (let sample = 1; sample <= SLOPE_SAMPLES; sample += 1) {
    const figures = await load(slopeCalls / SLOPE_SAMPLES);
    samples.push({ calls: samples.at(-1)!.calls + figures.calls, heapMb: (await probe.look()).heapMb });
  }
  result.heapSlope = slopeOf(samples);
}

const HEAD = [
  'way',
  'between',
  'RSS idle MB',
  'CPU at 100 calls/s',
  'p50 / p99 ms at 100 calls/s',
  'calls, 100 at a time',
  'requests/s',
  'CPU ms per 1,000',
  'RSS after them, MB',
  'of it engine MB',
  'heap before → after, MB',
  'heap slope per 100,000',
  'event loop late p50 / p99 / max ms',
  'errors',
];

export function aloneTable(results: readonly AloneResult[]): string {
  const lines = results.map((result) => {
    const { leg, route, steady, load, heap, delayMs } = result;
    const problem = result.failure === undefined ? '' : `; not to the end: ${cell(result.failure)}`;
    return [
      leg.name,
      route,
      short(result.idleMb),
      steady === undefined || Number.isNaN(steady.cpuPercent) ? '' : `${steady.cpuPercent.toFixed(1)} %`,
      steady === undefined ? '' : `${short(steady.p50Ms)} / ${short(steady.p99Ms)}`,
      load === undefined ? '' : String(load.calls),
      load === undefined ? '' : short(load.perSecond),
      short(result.cpuPer1000Ms),
      short(result.loadedMb),
      short(result.loadedMainMb),
      heap === undefined ? '' : `${short(heap.beforeMb)} → ${short(heap.afterMb)}`,
      Number.isNaN(result.heapSlope) ? '' : `${(result.heapSlope * 100).toFixed(2)} %`,
      delayMs === undefined ? '' : [delayMs.p50, delayMs.p99, delayMs.max].map(short).join(' / '),
      `${result.errors}${problem}`,
    ];
  });
  return [HEAD, HEAD.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
