import assert from 'node:assert/strict';
import fc from 'fast-check';
import { FakeClock } from '../../../../test/support/fakeClock.ts';
import { missReasons } from '../../../shared/model/watched.ts';
import { MAX_WATCH_ENTRIES } from '../../../shared/protocol/watchedMessages.ts';
import { parseWatch } from '../../../shared/settings/watch.ts';
import { SampleTrack, type SampleResult } from './sampleTrack.ts';

const EVERY_MS = 10_000;

function given(more: Record<string, unknown> = {}) {
  const clock = new FakeClock();
  const [entry] = parseWatch('w', [{ name: 'load', tool: 't', every: EVERY_MS / 1_000, ...more }]).watches;
  assert.ok(entry);
  return { clock, track: new SampleTrack(entry, clock), startedAt: clock.wallNow() };
}
const value = (number: number): SampleResult => ({ kind: 'value', value: number });

/** Samples and gaps in short: the value, or how many are missing for what. */
const told = ({ entries }: SampleTrack): unknown[] =>
  entries.map((entry) => (entry.kind === 'value' ? entry.value : `${entry.count} ${entry.reason}`));

/** Each slot from the first that is kept on is told once, in order, on the grid. */
function assertWhole({ entries, everyMs }: SampleTrack): number {
  let next: number | undefined;
  let slots = 0;
  for (const entry of entries) {
    const [from, to] = entry.kind === 'value' ? [entry.due, entry.due] : [entry.from, entry.to];
    if (next !== undefined) assert.equal(from, next, 'a hole, or a slot told twice');
    const count = entry.kind === 'value' ? 1 : entry.count;
    assert.equal(to - from, (count - 1) * everyMs);
    slots += count;
    next = to + everyMs;
  }
  return slots;
}

describe('the samples of a watched value', () => {
  it('R11.7 are due on a fixed grid, however late they are taken', async () => {
    const { clock, track, startedAt } = given();
    assert.equal(track.snapshot(undefined).state, 'waiting');
    for (const lateMs of [0, 3_000, 9_999]) {
      await clock.advance(lateMs);
      assert.ok(track.isOwed);
      track.begin('paused');
      assert.equal(track.dueInMs, Infinity);
      track.end(value(lateMs));
      assert.ok(!track.isOwed);
      await clock.advance(track.dueInMs);
    }
    assert.deepEqual(
      track.entries.map((entry) => entry.kind === 'value' && [entry.due - startedAt, entry.at - startedAt]),
      [
        [0, 0],
        [10_000, 13_000],
        [20_000, 29_999],
      ],
    );
  });

  it('R11.7 that nobody could ask for are missing, the one that is due when the server is back is taken at once', async () => {
    const { clock, track } = given();
    track.begin('paused');
    track.end(value(1));
    await clock.advance(15_000);
    track.pass('away');
    assert.deepEqual(track.snapshot('away').missed, { reason: 'away', since: clock.wallNow() - 5_000 });
    await clock.advance(20_000);
    track.begin('away');
    track.end(value(2));
    assert.deepEqual(told(track), [1, '2 away', 2]);
    assert.equal(track.dueInMs, 5_000);
    assert.deepEqual(track.snapshot(undefined).state, 'ok');
    assertWhole(track);
  });

  it('R11.7 a short absence between two of them costs none, and asks for none', async () => {
    const { clock, track } = given();
    track.begin('paused');
    track.end(value(1));
    await clock.advance(5_000);
    track.pass('away');
    assert.ok(!track.isOwed);
    assert.equal(track.snapshot('away').state, 'ok');
  });

  it('R11.7 one that was under way when the server went is asked for again when it is back', async () => {
    const { clock, track } = given();
    track.begin('paused');
    await clock.advance(2_000);
    track.end({ kind: 'lost' });
    assert.ok(track.isOwed);
    track.begin('away');
    track.end(value(1));
    assert.deepEqual(told(track), [1]);
    await clock.advance(10_000);
    track.begin('paused');
    track.end({ kind: 'lost' });
    await clock.advance(20_000);
    track.begin('away');
    track.end(value(2));
    assert.deepEqual(told(track), [1, '2 away', 2]);
    assertWhole(track);
  });

  it('R11.7 do not pile up at a slow server, which is not asked without a pause either', async () => {
    const { clock, track } = given();
    track.begin('paused');
    await clock.advance(35_000);
    assert.ok(!track.isOwed);
    track.end(value(1));
    assert.deepEqual(told(track), [1, '3 slow']);
    assert.ok(!track.isOwed);
    assert.equal(track.dueInMs, 5_000);
    assertWhole(track);
  });

  it('R11.7 that a sleeping machine took are told, though its clock stood still', async () => {
    const { clock, track } = given();
    track.begin('paused');
    track.end(value(1));
    track.noteSleep(9_000);
    clock.sleep(3_600_000);
    track.noteSleep(3_600_000);
    assert.deepEqual(told(track), [1, '360 paused']);
    await clock.advance(10_000);
    track.begin('paused');
    track.end(value(2));
    assert.deepEqual(told(track), [1, '360 paused', 2]);
  });

  it('R11.7 are held against their thresholds', async () => {
    const { clock, track } = given({ name: 'phi', max: 0.9 });
    const states: string[] = [];
    for (const number of [0.029, 0.03, 0.9, 0.91]) {
      track.begin('paused');
      track.end(value(number));
      states.push(track.snapshot(undefined).state);
      await clock.advance(EVERY_MS);
    }
    assert.deepEqual(states, ['below', 'ok', 'ok', 'above']);
    assert.equal(track.stateOfLast, 'above');
    track.begin('paused');
    track.end({ kind: 'missed', reason: 'failed', why: 'it said no' });
    const { state, missed, value: last, min, max, taken, missing } = track.snapshot(undefined);
    assert.deepEqual([state, missed?.reason, missed?.why], ['missed', 'failed', 'it said no']);
    assert.deepEqual([last, min, max, taken, missing], [0.91, 0.03, 0.9, 4, 1]);
  });

  it('R11.7 R14.3 are kept in a ring; a long absence takes one place of it', async () => {
    const { clock, track } = given();
    for (let n = 0; n < MAX_WATCH_ENTRIES + 50; n += 1) {
      track.begin('paused');
      track.end(value(n));
      await clock.advanceQuickly(EVERY_MS);
    }
    assert.equal(track.entries.length, MAX_WATCH_ENTRIES);
    await clock.advanceQuickly(EVERY_MS * 100_000);
    track.pass('idle');
    assert.equal(track.entries.length, MAX_WATCH_ENTRIES);
    assert.equal(told(track).at(-1), '100000 idle');
    assertWhole(track);
  });

  it('R11.7 whatever happens, each is told once: no hole, none twice, none under way at the same time', async () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 45_000 }) }),
      fc.record({ do: fc.constant('ask' as const) }),
      fc.record({
        do: fc.constant('answer' as const),
        result: fc.oneof(
          fc.constant<SampleResult>({ kind: 'lost' }),
          fc.constant<SampleResult>({ kind: 'missed', reason: 'failed' }),
          fc.double({ noNaN: true, noDefaultInfinity: true }).map(value),
        ),
      }),
      fc.record({ do: fc.constant('pass' as const), reason: fc.constantFrom(...missReasons) }),
      fc.record({ do: fc.constant('look' as const) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { clock, track } = given();
        let isUnderWay = false;
        let passedMs = 0;
        for (const one of steps) {
          if (one.do === 'wait') {
            passedMs += one.ms;
            await clock.advanceQuickly(one.ms);
          } else if (one.do === 'pass') track.pass(one.reason);
          else if (one.do === 'look') track.snapshot('away');
          else if (one.do === 'ask' && track.isOwed) {
            assert.ok(!isUnderWay);
            track.begin('paused');
            isUnderWay = true;
          } else if (one.do === 'answer' && isUnderWay) {
            track.end(one.result);
            isUnderWay = false;
          }
        }
        track.end({ kind: 'missed', reason: 'failed' });
        track.pass('away');
        const slots = assertWhole(track);
        const due = Math.floor(passedMs / EVERY_MS) + 1;
        // Of the one that is due now nothing need be said yet.
        assert.ok(slots === due || (slots === due - 1 && track.isOwed), `${slots} of ${due}`);
        const { taken, missing } = track.snapshot(undefined);
        assert.equal(taken + missing, slots);
      }),
      { numRuns: 300 },
    );
  });
});
