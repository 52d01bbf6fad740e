import assert from 'node:assert/strict';
import { FakeClock, settle } from '../../../test/support/fakeClock.ts';
import type { Launch } from '../upstream/launch.ts';
import type { CatalogueKeeper } from './catalogueKeeper.ts';
import { ListFollower } from './listFollower.ts';

describe('following lists', () => {
  const given = () => {
    const clock = new FakeClock();
    let fetched = 0;
    let told = 0;
    const refresh = (): Promise<number> => {
      fetched += 1;
      return Promise.resolve(5_000_000);
    };
    const follower = new ListFollower({
      clock,
      catalogue: { refresh } as unknown as CatalogueKeeper,
      tell: () => (told += 1),
      onTrouble: (message) => assert.fail(message),
    });
    const launch = { hasEnded: false } as unknown as Launch;
    const change = (): void => follower.onListChanged('tools/list', new Uint8Array(), launch);
    return { clock, follower, change, counts: () => [fetched, told] };
  };

  it('takes changes that come meanwhile as one', async () => {
    const { clock, change, counts } = given();
    for (let n = 0; n < 10; n += 1) change();
    await clock.advance(100_000);
    assert.deepEqual(counts(), [2, 2]);
    assert.equal(clock.pending, 0);
  });

  it('R2.6 waits for nothing once it has ended, and leaves no timer', async () => {
    const { clock, follower, change, counts } = given();
    change();
    change();
    await settle();
    assert.equal(clock.pending, 1);
    follower.end();
    assert.equal(clock.pending, 0);
    await clock.advance(100_000);
    assert.deepEqual(counts(), [1, 1]);
  });
});
