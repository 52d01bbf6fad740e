import assert from 'node:assert/strict';
import { FakeClock } from '../../../test/support/fakeClock.ts';
import { CrashHistory } from './crashHistory.ts';
import { RecoveryQueue } from './recoveryQueue.ts';

describe('crash history', () => {
  it('R2 the third end within three minutes is a crash loop; then 60 s, doubling to 300 s, for ever', async () => {
    const clock = new FakeClock();
    const history = new CrashHistory(clock);
    assert.deepEqual(history.ended(false, 3), { kind: 'retry', failures: 1 });
    assert.deepEqual(history.ended(false, 3), { kind: 'retry', failures: 2 });
    const delays = [];
    for (let round = 0; round < 6; round += 1) {
      const decision = history.ended(false, 3);
      assert.ok(decision.kind === 'crashLoop');
      delays.push(decision.delayMs / 1_000);
      await clock.advance(decision.delayMs);
    }
    assert.deepEqual(delays, [60, 120, 240, 300, 300, 300]);
  });

  it('R2 ends far apart are no crash loop', async () => {
    const clock = new FakeClock();
    const history = new CrashHistory(clock);
    for (let round = 0; round < 10; round += 1) {
      assert.equal(history.ended(false, 3).kind, 'retry');
      await clock.advance(100_000);
    }
  });

  it('a server that worked between its ends is no crash loop, however often it is killed', () => {
    const history = new CrashHistory(new FakeClock());
    for (let round = 0; round < 10; round += 1) {
      assert.deepEqual(history.ended(true, 3), { kind: 'retry', failures: 1 });
    }
    assert.equal(CrashHistory.wasProductive(undefined, 0), false);
    assert.equal(CrashHistory.wasProductive(100, 0), false);
    assert.equal(CrashHistory.wasProductive(100, 1), true);
    assert.equal(CrashHistory.wasProductive(30_000, 0), true);
  });
});

describe('recovery queue', () => {
  it('tries each entry once, at its time; a later plan replaces an earlier one', async () => {
    const clock = new FakeClock();
    const queue = new RecoveryQueue(clock);
    const tried: string[] = [];
    queue.schedule('a', 1_000, () => tried.push('a early'));
    queue.schedule('a', 3_000, () => tried.push('a'));
    queue.schedule('b', 2_000, () => tried.push('b'));
    assert.equal(queue.dueInMs('a'), 3_000);
    await clock.advance(2_500);
    assert.deepEqual(tried, ['b']);
    await clock.advance(10_000);
    assert.deepEqual(tried, ['b', 'a']);
    assert.equal(queue.size, 0);
  });

  it('R14.5 leaves no timer behind', () => {
    const clock = new FakeClock();
    const queue = new RecoveryQueue(clock);
    queue.schedule('a', 1_000, () => assert.fail());
    queue.schedule('b', 1_000, () => assert.fail()).dispose();
    queue.dispose();
    assert.equal(clock.pending, 0);
  });
});
