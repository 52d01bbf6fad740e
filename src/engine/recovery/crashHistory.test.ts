import assert from 'node:assert/strict';
import { FakeClock } from '../../../test/support/fakeClock.ts';
import { CrashHistory, wasProductive, type LaunchRecord } from './crashHistory.ts';

const useless: LaunchRecord = { readyForMs: undefined, answeredCalls: 0 };
const useful: LaunchRecord = { readyForMs: 2_000, answeredCalls: 1 };
const settled: LaunchRecord = { readyForMs: 30_000, answeredCalls: 2 };

/** Where the intervals stand after `ends` ends of no use. */
function loopDelays(history: CrashHistory, ends: number): number[] {
  const decisions = Array.from({ length: ends }, () => history.ended(useless, 3));
  return decisions.flatMap((decision) => (decision.kind === 'crashLoop' ? [decision.delayMs / 1_000] : []));
}

describe('crash history', () => {
  it('R2 the third end within three minutes is a crash loop; then 60 s, doubling to 300 s, for ever', async () => {
    const clock = new FakeClock();
    const history = new CrashHistory(clock);
    assert.deepEqual(history.ended(useless, 3), { kind: 'retry', failures: 1 });
    assert.deepEqual(history.ended(useless, 3), { kind: 'retry', failures: 2 });
    const delays = [];
    for (let round = 0; round < 6; round += 1) {
      const decision = history.ended(useless, 3);
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
      assert.equal(history.ended(useless, 3).kind, 'retry');
      await clock.advance(100_000);
    }
  });

  it('a server that worked between its ends is no crash loop, however often it is killed', () => {
    const history = new CrashHistory(new FakeClock());
    for (let round = 0; round < 10; round += 1) {
      assert.deepEqual(history.ended(useful, 3), { kind: 'retry', failures: 1 });
    }
    assert.equal(wasProductive(useless), false);
    assert.equal(wasProductive({ readyForMs: 100, answeredCalls: 0 }), false);
    assert.equal(wasProductive({ readyForMs: 100, answeredCalls: 1 }), true);
    assert.equal(wasProductive({ readyForMs: 30_000, answeredCalls: 0 }), true);
  });

  it('R2 a second loop goes on with the intervals of the first, until it was well for a while', () => {
    const history = new CrashHistory(new FakeClock());
    assert.deepEqual(loopDelays(history, 4), [60, 120]);
    assert.equal(history.ended(useful, 3).kind, 'retry');
    assert.deepEqual(loopDelays(history, 2), [240], 'one answered call makes it no well server');
    assert.equal(history.ended(settled, 3).kind, 'retry');
    assert.deepEqual(loopDelays(history, 2), [60], 'two, in half a minute, do');
    history.ended({ readyForMs: 600_000, answeredCalls: 0 }, 3);
    assert.deepEqual(loopDelays(history, 2), [60], 'and so do ten minutes');
  });
});
