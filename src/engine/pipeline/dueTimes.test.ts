import assert from 'node:assert/strict';
import fc from 'fast-check';
import { FakeClock } from '../../../test/support/fakeClock.ts';
import { dueTimesOf, type DueItem } from './dueTimes.ts';

describe('due times', () => {
  it('R13.2 tells everything at its time, in order, with one timer, and nothing that was removed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(50), fc.nat(100), fc.option(fc.nat(100), { nil: undefined })), {
          maxLength: 30,
        }),
        async (items) => {
          const clock = new FakeClock();
          const times = dueTimesOf(clock);
          assert.equal(times, dueTimesOf(clock));
          const told: [number, number][] = [];
          const expected: [number, number][] = [];
          const left = new Set<number>();
          for (const [index, [addAt, afterMs, removeAt]] of items.entries()) {
            const dueAt = clock.now() + addAt + afterMs;
            const item: DueItem = {
              dueAt,
              place: -1,
              onDue: () => {
                told.push([index, clock.now()]);
                left.delete(index);
              },
            };
            clock.setTimer(addAt, () => {
              times.add(item);
              left.add(index);
            });
            const isRemoved = removeAt !== undefined && addAt + removeAt < addAt + afterMs;
            if (removeAt !== undefined)
              clock.setTimer(addAt + removeAt, () => {
                if (isRemoved) left.delete(index);
                times.delete(item);
              });
            // At the same moment either may come first.
            if (!isRemoved && removeAt !== afterMs) expected.push([index, dueAt]);
          }
          await clock.advance(500);
          const same = new Set(
            items.flatMap(([, after, remove], index) => (after === remove ? [index] : [])),
          );
          const byTime = (a: [number, number], b: [number, number]): number => a[1] - b[1] || a[0] - b[0];
          assert.deepEqual(told.filter(([index]) => !same.has(index)).sort(byTime), expected.sort(byTime));
          assert.equal(clock.pending, 0);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('R2.5 tells the others when one fails', async () => {
    const clock = new FakeClock();
    const times = dueTimesOf(clock);
    let told = 0;
    const broken = (): void => {
      throw new Error('broken');
    };
    times.add({ dueAt: clock.now() + 5, place: -1, onDue: broken });
    times.add({ dueAt: clock.now() + 5, place: -1, onDue: () => (told += 1) });
    await assert.rejects(() => clock.advance(10), AggregateError);
    assert.equal(told, 1);
  });

  it('R2.5 does not tell what another that is due with it has taken out, or put off', async () => {
    const clock = new FakeClock();
    const times = dueTimesOf(clock);
    const told: string[] = [];
    const item = (name: string): DueItem & { dueAt: number } => ({
      dueAt: clock.now() + 5,
      place: -1,
      onDue: () => told.push(name),
    });
    const [removed, later] = [item('removed'), item('later')];
    const first: DueItem = {
      dueAt: clock.now() + 5,
      place: -1,
      onDue: () => {
        times.delete(removed);
        times.delete(later);
        later.dueAt = clock.now() + 5;
        times.add(later);
      },
    };
    for (const one of [first, removed, later]) times.add(one);
    await clock.advance(5);
    assert.deepEqual(told, []);
    await clock.advance(5);
    assert.deepEqual(told, ['later']);
    assert.equal(clock.pending, 0);
  });
});
