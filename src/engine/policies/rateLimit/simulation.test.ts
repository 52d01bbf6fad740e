import assert from 'node:assert/strict';
import {
  jainIndex,
  quantile,
  simulateLimiter,
  type HiddenServer,
  type SimulatedClient,
  type Simulation,
} from '../../../../test/support/limiterSimulation.ts';
import { seededRandom } from '../../../shared/base/random.ts';

const quota = (capacity: number | ((at: number) => number), more: Partial<HiddenServer> = {}) => ({
  capacity: typeof capacity === 'number' ? () => capacity : capacity,
  serviceMs: 30,
  refuses: true,
  ...more,
});
/** Three clients that together always want more. */
const greedy: readonly SimulatedClient[] = ['a', 'b', 'c'].map((name) => ({
  name,
  requestClass: 'critical',
  callers: 12,
}));

function simulate(
  server: HiddenServer,
  clients: readonly SimulatedClient[] = greedy,
  more: { forMs?: number; countFrom?: number; max?: number } = {},
): Simulation {
  return simulateLimiter({
    server,
    clients,
    forMs: 120_000,
    countFrom: 30_000,
    random: seededRandom(5),
    ...more,
  });
}

function refusedRatio({ clients }: Simulation): number {
  const refused = clients.reduce((sum, one) => sum + one.refused, 0);
  return refused / clients.reduce((sum, one) => sum + one.answered + one.refused, 0);
}
const answered = ({ clients }: Simulation): number => clients.reduce((sum, one) => sum + one.answered, 0);
const deepest = ({ samples }: Simulation, from = 30_000): number =>
  Math.max(...samples.filter(({ at }) => at > from).map(({ queued }) => queued));

describe('rate limiter at a server with a hidden capacity', () => {
  for (const [capacity, burstS] of [
    [2, 0.1],
    [5, 0.1],
    [10, 0.1],
    [10, 1],
    [20, 0.1],
    [50, 0.1],
    [50, 1],
    [100, 0.1],
    [200, 0.1],
    [200, 1],
    [500, 0.1],
    [900, 0.1],
  ] as const) {
    it(`R10.3 ${capacity}/s, ${burstS} s at once: within 10 % in 30 s and for good, less than 1 % refused, few wait`, function () {
      this.timeout(20_000);
      const run = simulate(quota(capacity, { burstS }));
      assert.ok(run.settledS() <= 30, `settled after ${run.settledS()} s`);
      assert.ok(refusedRatio(run) < 0.01, `${refusedRatio(run)} refused`);
      // Who asks while 36 wait is counted as answered that much later.
      assert.ok(answered(run) > (capacity * 90 - 36) * 0.9, `${answered(run)} answered`);
      assert.ok(deepest(run) < 50, `${deepest(run)} waited`);
    });
  }

  for (const capacity of [5, 20, 100]) {
    it(`R10.3 ${capacity}/s with Retry-After: the same`, () => {
      const run = simulate(quota(capacity, { retryAfterMs: 1_000 }));
      assert.ok(run.settledS() <= 30, `settled after ${run.settledS()} s`);
      assert.ok(refusedRatio(run) < 0.01, `${refusedRatio(run)} refused`);
    });
  }

  for (const [before, after] of [
    [20, 60],
    [60, 20],
    [50, 300],
    [300, 50],
  ] as const) {
    it(`R10.3 ${before}/s that become ${after}/s: within 10 % again in 30 s`, () => {
      const run = simulate(quota((at) => (at < 60_000 ? before : after)));
      assert.ok(run.settledS(0, 59_900) <= 30, `first after ${run.settledS(0, 59_900)} s`);
      assert.ok(run.settledS(60_000) <= 30, `then after ${run.settledS(60_000)} s`);
    });
  }

  for (const [capacity, serviceMs] of [
    [20, 50],
    [50, 200],
    [100, 100],
    [200, 50],
  ] as const) {
    it(`R10.3 ${capacity}/s of a server that refuses nothing and becomes slow: within 10 % in 30 s`, () => {
      const run = simulate({ capacity: () => capacity, serviceMs, refuses: false }, greedy, { max: 1_000 });
      assert.ok(run.settledS() <= 30, `settled after ${run.settledS()} s`);
      assert.ok(answered(run) > capacity * 90 * 0.9, `${answered(run)} answered`);
    });
  }

  it('R10.3 requests that come by chance, 95 % of what the server bears: few wait, and none is turned away', () => {
    const clients = greedy.map(({ name, requestClass }) => ({
      name,
      requestClass,
      perSecond: (50 * 0.95) / 3,
    }));
    const run = simulate(quota(50), clients, { forMs: 180_000 });
    // What came while it was found out waits for a while.
    assert.ok(deepest(run, 60_000) < 50, `${deepest(run, 60_000)} waited`);
    assert.ok(run.clients.every(({ rejected }) => rejected === 0));
  });

  it('R10.3 equal clients get equal shares, and one that asks more gets no more', () => {
    const equal = [1, 2, 3, 4, 5].map((one) => ({
      name: `c${one}`,
      requestClass: 'critical' as const,
      callers: one === 5 ? 40 : 8,
    }));
    const run = simulate(quota(50), equal);
    const index = jainIndex(run.clients.map((client) => client.answered));
    assert.ok(index >= 0.95, `${index}`);
  });

  it('R10.1 nobody starves while those before them always want more', () => {
    const classes = (['critical', 'high', 'normal', 'low'] as const).map((requestClass) => ({
      name: requestClass,
      requestClass,
      callers: requestClass === 'critical' ? 40 : 2,
    }));
    const run = simulate(quota(20), classes);
    for (const { name, answered: count, waits } of run.clients) {
      assert.ok(count >= 15, `${name}: ${count} answered`);
      if (name !== 'critical') assert.ok(Math.max(...waits) <= 12_000, `${name}: ${Math.max(...waits)} ms`);
    }
    assert.ok((run.clients[0]?.answered ?? 0) > answered(run) * 0.6);
  });

  for (const capacity of [20, 100]) {
    it(`R10.3 ${capacity}/s: a person waits no longer than one service time and 5 ms under a tenfold background flood`, () => {
      const serviceMs = 1_000 / capacity;
      const run = simulate(quota(capacity, { serviceMs }), [
        { name: 'person', requestClass: 'critical', perSecond: capacity * 0.1 },
        { name: 'flood', requestClass: 'normal', perSecond: capacity },
      ]);
      const [person, flood] = run.clients;
      const p99Ms = quantile(person?.waits ?? [], 0.99);
      assert.ok(p99Ms <= serviceMs + 5, `${p99Ms} ms`);
      assert.ok((flood?.answered ?? 0) > capacity * 90 * 0.7, 'and the flood gets what is left');
    });
  }
});
