/**
 * What the time series cost: `node bench/series.ts [--servers 50] [--busy 50]`. A week of servers, of which so many run calls in every sample, is sampled in simulated time with real
 * files; then an engine that comes after it loads them, and answers a dashboard.
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { toDisposable, type Disposable } from '../src/shared/base/disposable.ts';
import type { Clock } from '../src/shared/base/clock.ts';
import type { LatencyClasses } from '../src/engine/observability/series/compactHistogram.ts';
import { SeriesHistory } from '../src/engine/observability/series/seriesHistory.ts';
import type { SampledServer } from '../src/engine/observability/series/sampler.ts';

const { values } = parseArgs({
  options: { servers: { type: 'string', default: '50' }, busy: { type: 'string', default: '50' } },
});
const [SERVERS, BUSY] = [Number(values.servers), Number(values.busy)];
const WEEK_MS = 7 * 86_400_000;
const STEP_MS = 5_000;

class BenchClock implements Clock {
  #now = 0;
  #timer: { readonly due: number; readonly action: () => void } | undefined;
  readonly #begun = Date.now() - WEEK_MS;

  now(): number {
    return this.#now;
  }

  wallNow(): number {
    return this.#begun + this.#now;
  }

  setTimer(delayMs: number, action: () => void): Disposable {
    const timer = { due: this.#now + delayMs, action };
    this.#timer = timer;
    return toDisposable(() => {
      if (this.#timer === timer) this.#timer = undefined;
    });
  }

  step(): void {
    this.#now += STEP_MS;
    const timer = this.#timer;
    this.#timer = undefined;
    timer?.action();
  }
}

interface BenchServer extends SampledServer {
  calls: number;
  usableMs: number;
  sink: LatencyClasses | undefined;
}

function serverOf(index: number): BenchServer {
  return {
    key: {},
    name: `server-${index}`,
    state: 'ready',
    breaker: 'closed',
    calls: 0,
    failures: 0,
    retries: 0,
    restarts: 0,
    usableMs: 0,
    downMs: 0,
    queued: 0,
    sink: undefined,
    follow(sink) {
      this.sink = sink;
      return toDisposable(() => (this.sink = undefined));
    },
  };
}

const cpuMs = (since?: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1_000;
};
const folder = mkdtempSync(join(tmpdir(), 'lifeline-bench-'));
const clock = new BenchClock();
const servers = Array.from({ length: SERVERS }, (_, index) => serverOf(index));
const options = { clock, folder, servers: () => servers, note: (text: string) => console.error(text) };
const history = new SeriesHistory(options);
await history.query({});
const steps = WEEK_MS / STEP_MS;
let seed = 1;
const chance = (): number => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;
let samplingMs = 0;
for (let step = 0; step < steps; step += 1) {
  for (const [index, server] of servers.entries()) {
    server.usableMs += STEP_MS;
    if (index >= BUSY) continue;
    for (let call = 0; call < 5; call += 1) server.sink?.record(2 * Math.exp(3 * chance()));
    server.calls += 5;
  }
  const before = process.cpuUsage();
  clock.step();
  samplingMs += cpuMs(before);
  if (step % 1_000 === 0) await history.flush();
}
await history.flush();
const table: Record<string, string> = {
  servers: `${SERVERS}, of which ${BUSY} run 5 calls each 5 s`,
  'CPU of a sample': `${(samplingMs / steps).toFixed(3)} ms, ${((samplingMs / steps / STEP_MS) * 100).toFixed(3)} % of the time`,
};
for (const kind of ['5s', '1m', '15m']) {
  const files = readdirSync(folder).filter((name) => name.startsWith(`${kind}-`));
  const bytes = files.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
  table[`on disk, ${kind}`] = `${(bytes / 1_048_576).toFixed(2)} MiB in ${files.length} files`;
}
await history.stop();
globalThis.gc?.();
const memoryBefore = process.memoryUsage();
const begun = performance.now();
const cpuBefore = process.cpuUsage();
const next = new SeriesHistory(options);
await next.query({});
table['load, until the first answer'] =
  `${(performance.now() - begun).toFixed(0)} ms, ${cpuMs(cpuBefore).toFixed(0)} ms of CPU`;
globalThis.gc?.();
const memory = process.memoryUsage();
table['memory held'] =
  `${((memory.heapUsed + memory.external - memoryBefore.heapUsed - memoryBefore.external) / 1_048_576).toFixed(2)} MiB`;
clock.step();
for (const resolution of ['5s', '1m', '15m'] as const) {
  for (const what of ['all servers', 'one server']) {
    const one = what === 'one server' ? { servers: ['server-0'] } : {};
    const start = process.cpuUsage();
    const answer = await next.query({ resolution, ...one });
    const length = JSON.stringify(answer).length;
    const samples = answer.servers.reduce((sum, server) => sum + server.samples.length, 0);
    table[`${resolution}, ${what}`] =
      `${samples} samples, ${(length / 1_024).toFixed(0)} KiB, ${cpuMs(start).toFixed(1)} ms of CPU`;
    if (answer.cursor === undefined || what === 'one server') continue;
    clock.step();
    const later = process.cpuUsage();
    const delta = await next.query({ resolution, since: answer.cursor });
    table[`${resolution}, since the last answer`] =
      `${(JSON.stringify(delta).length / 1_024).toFixed(1)} KiB, ${cpuMs(later).toFixed(1)} ms of CPU`;
  }
}
await next.stop();
rmSync(folder, { recursive: true, force: true });
for (const [what, figure] of Object.entries(table)) console.log(`${what.padEnd(32)}${figure}`);
