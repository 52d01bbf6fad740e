import assert from 'node:assert/strict';
import fc from 'fast-check';
import { FakeClock } from '../../../test/support/fakeClock.ts';
import { seededRandom } from '../../shared/base/random.ts';
import { tierOrder, tiers, type Tier } from '../../shared/model/tier.ts';
import { RecoveryQueue, type PlannedAttempt } from './recoveryQueue.ts';

const INTERVAL_MS = 10_000;

function given(random = () => 0.5) {
  const clock = new FakeClock();
  const errors: unknown[] = [];
  const forgotten: string[] = [];
  const queue = new RecoveryQueue({
    clock,
    random,
    intervalMs: () => INTERVAL_MS,
    onError: (error) => errors.push(error),
    onForgotten: (key) => forgotten.push(key),
  });
  const tried: string[] = [];
  const down = new Set<string>();
  const join = (key: string, retry: () => void = () => tried.push(key)) =>
    queue.join(key, {
      needsAttempt: () => down.has(key),
      retry,
    });
  const plan = (key: string, delayMs: number, more: Partial<PlannedAttempt> = {}): void => {
    down.add(key);
    queue.plan({ key, server: key, tier: 'medium', attempts: 1, fault: undefined, delayMs, ...more });
  };
  return { clock, queue, tried, errors, forgotten, down, join, plan };
}

describe('recovery queue', () => {
  it('tries each entry once, at its time; a later plan replaces an earlier one', async () => {
    const { clock, queue, tried, down, join, plan } = given();
    for (const key of ['a', 'b'])
      join(key, () => {
        tried.push(key);
        down.delete(key);
      });
    plan('a', 1_000);
    plan('a', 3_000);
    plan('b', 2_000);
    assert.equal(queue.dueInMs('a'), 3_000);
    await clock.advance(2_500);
    assert.deepEqual(tried, ['b']);
    await clock.advance(30_000);
    assert.deepEqual(tried, ['b', 'a']);
  });

  it('R5.2 an entry that is tried stays in the queue until it has recovered or is removed', async () => {
    const { clock, queue, join, plan } = given();
    const member = join('a', () => undefined);
    plan('a', 1_000, { attempts: 4 });
    await clock.advance(1_000);
    const [entry] = queue.entries;
    assert.deepEqual([entry?.key, entry?.attempts, entry?.dueAt], ['a', 4, undefined]);
    plan('a', 5_000, { attempts: 5 });
    assert.equal(queue.entries[0]?.since, entry?.since, 'its age is that of the outage');
    queue.remove('a');
    assert.equal(queue.size, 0);
    plan('a', 5_000);
    member.dispose();
    assert.equal(queue.size, 0);
  });

  it('R5.4 what is due together is tried by tier, then by age', async () => {
    const { clock, tried, join, plan } = given();
    const order: [string, Tier][] = [
      ['m1', 'medium'],
      ['h1', 'high'],
      ['m2', 'medium'],
      ['c1', 'critical'],
      ['h2', 'high'],
    ];
    for (const [key, tier] of order) {
      join(key);
      plan(key, 5_000 - clock.now() + 1_000, { tier });
      await clock.advance(10);
    }
    await clock.advance(5_000);
    assert.deepEqual(tried, ['c1', 'h1', 'h2', 'm1', 'm2']);
  });

  it('R2 a tick finds what is down without a plan, and only runs while something is down', async () => {
    const { clock, queue, tried, forgotten, down, join } = given();
    join('lost', () => {
      tried.push('lost');
      down.delete('lost');
    });
    join('well');
    await clock.advance(100_000);
    assert.equal(clock.pending, 0, 'nothing is down');
    down.add('lost');
    queue.expect();
    await clock.advance(INTERVAL_MS * 1.1);
    assert.deepEqual(tried, ['lost']);
    assert.deepEqual(forgotten, ['lost']);
    await clock.advance(INTERVAL_MS * 3);
    assert.equal(clock.pending, 0, 'and nothing is down any more');
  });

  it('an attempt that throws breaks nobody, and is found again', async () => {
    const { clock, tried, errors, join, plan } = given();
    let throwing = true;
    join('bad', () => {
      if (throwing) throw new Error('no');
      tried.push('bad');
    });
    join('good');
    plan('bad', 1_000);
    plan('good', 1_000);
    await clock.advance(1_000);
    assert.deepEqual(tried, ['good']);
    assert.equal(errors.length, 1);
    throwing = false;
    await clock.advance(INTERVAL_MS * 1.1);
    assert.ok(tried.includes('bad'));
  });

  it('R14.5 leaves no timer behind', () => {
    const { clock, queue, join, plan } = given();
    join('a', () => assert.fail());
    join('b', () => assert.fail()).dispose();
    plan('a', 1_000);
    plan('b', 1_000);
    queue.dispose();
    plan('a', 1_000);
    queue.expect();
    assert.equal(clock.pending, 0);
  });

  it('R5.2 behaves as a naive model does, over 10,000 sequences', async function () {
    this.timeout(120_000);
    const keys = ['a', 'b', 'c', 'd'];
    const key = fc.constantFrom(...keys);
    const step = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({
          do: fc.constant('plan' as const),
          key,
          ms: fc.integer({ min: 0, max: 30_000 }),
        }),
      },
      {
        weight: 4,
        arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 20_000 }) }),
      },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('recovered' as const), key }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('forget' as const), key }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('leave' as const), key }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), fc.integer(), async (steps, seed) => {
        await playQueue(keys, steps, seed);
      }),
      { numRuns: 10_000 },
    );
  });
});

type Step =
  | { readonly do: 'plan'; readonly key: string; readonly ms: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'recovered' | 'forget' | 'leave'; readonly key: string };

/**
 * The model: a list of plans. When time goes on, whatever has reached its time is tried, earliest first, by tier where that is the same; an attempt
 * fails at once and is then planned by the test, or is forgotten, and then tried again within a tick.
 */
async function playQueue(keys: readonly string[], steps: readonly Step[], seed: number): Promise<void> {
  const { clock, queue, down, join, plan, forgotten } = given(seededRandom(seed));
  const tierOf = (key: string): Tier => tiers[keys.indexOf(key) % tiers.length] ?? 'medium';
  const tried: { readonly key: string; readonly at: number }[] = [];
  // Plans are whole milliseconds; what is looked at less than one too early, because something else was due, is tried then.
  const members = new Map(
    keys.map((key) => [key, join(key, () => tried.push({ key, at: Math.ceil(clock.now()) }))]),
  );
  const model = new Map<string, number>();
  for (const step of steps) {
    switch (step.do) {
      case 'plan':
        if (!members.has(step.key)) break;
        plan(step.key, step.ms, { tier: tierOf(step.key) });
        model.set(step.key, clock.now() + step.ms);
        break;
      case 'recovered':
        down.delete(step.key);
        queue.remove(step.key);
        model.delete(step.key);
        break;
      case 'forget':
        if (!members.has(step.key)) break;
        // It is down, and whoever should have planned it did not.
        down.add(step.key);
        queue.remove(step.key);
        queue.expect();
        model.delete(step.key);
        break;
      case 'leave':
        members.get(step.key)?.dispose();
        members.delete(step.key);
        down.delete(step.key);
        model.delete(step.key);
        break;
      case 'wait': {
        const from = clock.now();
        const until = from + step.ms;
        tried.length = 0;
        forgotten.length = 0;
        await clock.advanceQuickly(step.ms);
        const expected = [...model]
          .filter(([, dueAt]) => dueAt <= until)
          .map(([key, dueAt]) => ({ key, at: Math.max(from, dueAt) }))
          .sort((a, b) => a.at - b.at || tierOrder(tierOf(a.key)) - tierOrder(tierOf(b.key)));
        // Once each: the tick that tries one early finds it down and without a plan, as this test leaves it, and tries it again.
        const onPlan = tried.filter(
          ({ key, at }, index) =>
            expected.some((one) => one.key === key && one.at === at) &&
            tried.findIndex((one) => one.key === key && one.at === at) === index,
        );
        const order = (list: typeof tried) => list.map(({ key, at }) => `${at} ${tierOf(key)}`);
        assert.deepEqual(order(onPlan), order(expected));
        for (const { key } of expected) model.delete(key);
        break;
      }
    }
    for (const key of keys) {
      const dueAt = model.get(key);
      assert.equal(
        queue.dueInMs(key),
        dueAt === undefined ? undefined : Math.max(0, dueAt - clock.now()),
        key,
      );
    }
  }
  // Whatever is down is tried within a tick or at its time, for ever.
  const stillDown = [...down];
  tried.length = 0;
  await clock.advanceQuickly(30_000 + INTERVAL_MS * 2.2);
  assert.deepEqual(
    stillDown.filter((key) => !tried.some((one) => one.key === key)),
    [],
  );
  queue.dispose();
  assert.equal(clock.pending, 0);
}
