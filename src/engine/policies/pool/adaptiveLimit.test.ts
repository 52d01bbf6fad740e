import assert from 'node:assert/strict';
import { FakeClock } from '../../../../test/support/fakeClock.ts';
import { AdaptiveLimit, type LoadSignal } from './adaptiveLimit.ts';
import { Places, type Lease } from './places.ts';

const given = (max = 10) => {
  let now = 0;
  const limit = new AdaptiveLimit(max);
  const note = (signal: LoadSignal, inFlight: number, era = limit.era): void =>
    limit.note(signal, { era, inFlight, now: () => now });
  return { limit, note, pass: (ms: number) => (now += ms) };
};

describe('adaptive limit', () => {
  it('R5.8 begins at the maximum, and slow answers do not change it', () => {
    const { limit, note } = given();
    note('answered', 10);
    note('nothing', 10);
    assert.equal(limit.value, 10);
  });

  for (const [signal, inFlight, expected] of [
    ['overload', 10, 7],
    ['overload', 2, 3],
    ['late', 10, 7],
    ['late', 1, 10],
    ['lost', 10, 10],
  ] as const) {
    it(`R5.8 ${signal} with ${inFlight} under way: 10 becomes ${expected}`, () => {
      const { limit, note } = given();
      note(signal, inFlight);
      assert.equal(limit.value, expected);
    });
  }

  it('R5.8 what was under way together is one sign', () => {
    const { limit, note } = given();
    const { era } = limit;
    for (let call = 0; call < 10; call += 1) note('overload', 10 - call, era);
    assert.equal(limit.value, 7);
  });

  it('R5.8 a second loss under load within a minute is a sign, a second one later is not', () => {
    const { limit, note, pass } = given();
    note('lost', 10);
    pass(61_000);
    note('lost', 10);
    assert.equal(limit.value, 10);
    pass(59_000);
    note('lost', 10);
    assert.equal(limit.value, 7);
  });

  it('R5.8 never goes below one', () => {
    const { limit, note } = given();
    for (let call = 0; call < 1_000; call += 1) note('overload', 1);
    assert.equal(limit.value, 1);
  });

  it('R5.8 finds back to the maximum', () => {
    const { limit, note, pass } = given();
    for (let call = 0; call < 100; call += 1) note('overload', 1);
    pass(30_000);
    for (let call = 0; call < 60; call += 1) note('answered', 1);
    assert.equal(limit.value, 10);
  });

  it('R2 takes a new maximum over, and stays below it where load has lowered it', () => {
    const { limit, note } = given();
    limit.setMax(20);
    assert.equal(limit.value, 20);
    note('overload', 20);
    limit.setMax(10);
    assert.equal(limit.value, 10);
    limit.setMax(20);
    assert.equal(limit.value, 20);
    note('overload', 4);
    limit.setMax(30);
    assert.equal(limit.value, 7);
  });
});

interface Run {
  readonly limits: number[];
  readonly answered: number;
  readonly refused: number;
}

/**
 * Clients that always want more, at a server that answers in 50 ms and turns away what is over its capacity; `capacity` may change with time.
 */
async function simulate(capacity: (atMs: number) => number, forMs: number): Promise<Run> {
  const clock = new FakeClock();
  const start = clock.now();
  const places = new Places(10, () => clock.now());
  const session = places.session('s');
  let atServer = 0;
  let order = 0;
  const run = { limits: [] as number[], answered: 0, refused: 0 };
  const call = (lease: Lease): void => {
    const isRefused = atServer >= capacity(clock.now() - start);
    if (!isRefused) atServer += 1;
    clock.setTimer(isRefused ? 1 : 50, () => {
      if (!isRefused) atServer -= 1;
      if (isRefused) run.refused += 1;
      else run.answered += 1;
      order += 1;
      // Whoever was turned away comes back after a while, as a retry does.
      if (isRefused) clock.setTimer(200, () => session.wait(order, call));
      else session.wait(order, call);
      lease.release(isRefused ? 'overload' : 'answered');
    });
  };
  for (; order < 30; order += 1) session.wait(order, call);
  for (let at = 0; at < forMs; at += 1_000) {
    await clock.advance(1_000);
    run.limits.push(places.limit);
  }
  return run;
}

describe('adaptive limit at a server with a hidden capacity', () => {
  for (const capacity of [1, 2, 4, 7]) {
    it(`R5.8 finds ${capacity} within 5 s, stays within one of it, and few calls are turned away`, async function () {
      this.timeout(30_000);
      const { limits, answered, refused } = await simulate(() => capacity, 60_000);
      const steady = limits.slice(5);
      // 0.7 of one too many is the lowest that looking for the edge leads to.
      const lowest = Math.floor((capacity + 1) * 0.7);
      assert.ok(
        steady.every((limit) => limit >= Math.max(1, lowest) && limit <= capacity + 1),
        limits.join(' '),
      );
      assert.ok(refused / (answered + refused) < 0.05, `${refused} of ${answered + refused}`);
      const possible = (capacity * 60_000) / 50;
      assert.ok(answered / possible > 0.85, `${answered} of ${possible}`);
    });
  }

  it('R5.8 a server that can take them all is never held back', async () => {
    const { limits, refused } = await simulate(() => 10, 10_000);
    assert.ok(limits.every((limit) => limit === 10));
    assert.equal(refused, 0);
  });

  it('R5.8 is back at the maximum soon after the server is', async function () {
    this.timeout(30_000);
    const { limits } = await simulate((atMs) => (atMs < 20_000 ? 2 : 100), 90_000);
    assert.ok(limits.slice(5, 20).every((limit) => limit <= 3));
    assert.equal(limits.at(-1), 10, limits.join(' '));
  });
});
