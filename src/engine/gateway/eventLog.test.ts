import assert from 'node:assert/strict';
import { FakeClock } from '../../../test/support/fakeClock.ts';
import { EventBudget, EventLog, eventId, readEventId } from './eventLog.ts';

describe('the events that are kept for clients that come back', () => {
  const given = (budget = new EventBudget()) => {
    const clock = new FakeClock();
    return { clock, budget, log: new EventLog(clock, budget) };
  };
  const message = (sizeBytes: number): Uint8Array => new Uint8Array(sizeBytes);
  const MIB = 1_048_576;

  it('R13 are found by stream and place, and only those of that stream', () => {
    const { log } = given();
    log.append({ stream: 1, seq: 1 }, message(1), false);
    log.append({ stream: 2, seq: 1 }, message(2), false);
    log.append({ stream: 1, seq: 2 }, message(3), true);
    assert.deepEqual(
      log.after({ stream: 1, seq: 1 }).map(({ seq }) => seq),
      [2],
    );
    assert.deepEqual([log.hasEndOf(1), log.hasEndOf(2)], [true, false]);
    log.dispose();
  });

  it('R14.3 are 1,000 and 8 MiB at most; the oldest go first', () => {
    const { log, budget } = given();
    for (let seq = 1; seq <= 1_500; seq += 1) log.append({ stream: 1, seq }, message(10), false);
    assert.equal(log.size, 1_000);
    assert.equal(log.after({ stream: 1, seq: 0 })[0]?.seq, 501);
    for (let seq = 1; seq <= 9; seq += 1) log.append({ stream: 2, seq }, message(MIB), false);
    assert.deepEqual(
      log.after({ stream: 2, seq: 0 }).map(({ seq }) => seq),
      [2, 3, 4, 5, 6, 7, 8, 9],
    );
    assert.equal(log.after({ stream: 1, seq: 0 }).length, 0);
    log.append({ stream: 3, seq: 1 }, message(9 * MIB), true);
    assert.equal(log.size, 0, 'one that is over the limit by itself is not kept');
    assert.equal(budget.usedBytes, 0);
    log.dispose();
  });

  it('R14.3 of all sessions are 64 MiB at most', () => {
    const budget = new EventBudget();
    const logs = Array.from({ length: 12 }, () => given(budget).log);
    for (const log of logs)
      for (let seq = 1; seq <= 8; seq += 1) log.append({ stream: 1, seq }, message(MIB), false);
    assert.equal(budget.usedBytes, 64 * MIB);
    for (const log of logs) log.dispose();
    assert.equal(budget.usedBytes, 0);
  });

  it('R14.3 of a session that has few stay when others have filled what there is for all', () => {
    const budget = new EventBudget();
    const full = Array.from({ length: 8 }, () => given(budget).log);
    for (const log of full)
      for (let seq = 1; seq <= 8; seq += 1) log.append({ stream: 1, seq }, message(MIB), false);
    const { log } = given(budget);
    log.append({ stream: 1, seq: 1 }, message(1_000), true);
    assert.equal(log.hasEndOf(1), true);
    assert.ok(budget.usedBytes <= 64 * MIB);
    for (const other of [...full, log]) other.dispose();
    assert.equal(budget.usedBytes, 0);
  });

  it('R14.5 are kept for five minutes, and leave no timer behind', async () => {
    const { log, clock } = given();
    log.append({ stream: 1, seq: 1 }, message(1), false);
    await clock.advance(200_000);
    log.append({ stream: 1, seq: 2 }, message(1), false);
    await clock.advance(100_000);
    assert.equal(log.size, 1);
    await clock.advance(200_000);
    assert.equal(log.size, 0);
    assert.equal(clock.pending, 0);
    log.append({ stream: 1, seq: 3 }, message(1), false);
    log.dispose();
    assert.equal(clock.pending, 0);
  });

  it('do not keep the chunk alive that a message came in', () => {
    const { log } = given();
    const chunk = new Uint8Array(65_536);
    log.append({ stream: 1, seq: 1 }, chunk.subarray(10, 20), false);
    assert.equal(log.after({ stream: 1, seq: 0 })[0]?.message.buffer.byteLength, 10);
    log.dispose();
  });

  it('R14.3 have ids that are read back, and nothing else is', () => {
    const place = { stream: 12, seq: 345 };
    assert.deepEqual(readEventId(eventId(place)), place);
    for (const id of ['', '1', '1-', '-1', '1-2-3', 'a-b', '1-1e3', '1'.repeat(20) + '-1', ' 1-1'])
      assert.equal(readEventId(id), undefined, id);
  });
});
