import assert from 'node:assert/strict';
import { FakeClock } from '../../../test/support/fakeClock.ts';
import { ForcedStart } from './forcedStart.ts';

function given(act: () => boolean = () => true) {
  const clock = new FakeClock();
  const startedAt = clock.now();
  const acts: number[] = [];
  const forced = new ForcedStart({
    clock,
    afterMs: () => 300_000,
    act: () => {
      acts.push((clock.now() - startedAt) / 1_000);
      return act();
    },
  });
  return { clock, forced, acts };
}

describe('forced start', () => {
  it('R2 comes when a breaker was not closed for that long, and once in that time', async () => {
    const { clock, forced, acts } = given();
    forced.note('open');
    for (let round = 0; round < 10; round += 1) {
      await clock.advance(60_000);
      forced.note('halfOpen');
      forced.note('open');
    }
    assert.deepEqual(acts, [300, 600]);
    forced.note('closed');
    assert.equal(clock.pending, 0);
  });

  it('R2 does not come when the breaker closed meanwhile, or is isolated', async () => {
    const { clock, forced, acts } = given();
    forced.note('open');
    await clock.advance(299_999);
    forced.note('closed');
    forced.note('open');
    await clock.advance(299_999);
    forced.note('isolated');
    await clock.advance(600_000);
    assert.deepEqual(acts, []);
    forced.note('open');
    forced.dispose();
    assert.equal(clock.pending, 0);
  });

  it('waits for a call that is under way', async () => {
    let isBusy = true;
    const { clock, forced, acts } = given(() => !isBusy);
    forced.note('open');
    await clock.advance(305_000);
    isBusy = false;
    await clock.advance(300_000);
    assert.deepEqual(acts, [300, 310]);
    forced.dispose();
  });
});
