import assert from 'node:assert/strict';
import { FakeClock } from '../../../../test/support/fakeClock.ts';
import { Fault, type FaultCode } from '../../../shared/model/fault.ts';
import { Failover, type Movable } from './failover.ts';

function given(urls: readonly string[] = ['a', 'b']) {
  const clock = new FakeClock();
  const asked: string[] = [];
  const changes: string[] = [];
  const preferred = { isThere: false };
  const failover = new Failover({
    urls,
    clock,
    random: () => 0.5,
    probeIntervalMs: () => 30_000,
    probe: (url) => {
      asked.push(url);
      return Promise.resolve(preferred.isThere);
    },
    onChange: (url) => changes.push(url),
  });
  const moves: boolean[] = [];
  const busy = { value: false };
  const connection: Movable = {
    moveOver(evenWhileBusy) {
      moves.push(evenWhileBusy);
      if (busy.value && !evenWhileBusy) return false;
      failover.left(connection);
      failover.ready(connection, failover.current);
      return true;
    },
  };
  return { clock, asked, changes, preferred, failover, connection, moves, busy };
}
const fault = (code: FaultCode): Fault => new Fault(code, code);

describe('failover', () => {
  it('R4.4 a connection that cannot be made goes to the next endpoint at once, until each has been tried', () => {
    const { failover, connection, changes } = given(['a', 'b', 'c']);
    assert.equal(failover.lost(connection, 'a', fault('connectionRefused')), true);
    assert.equal(failover.current, 'b');
    assert.equal(failover.lost(connection, 'b', fault('connectTimeout')), true);
    assert.equal(failover.lost(connection, 'c', fault('unavailable')), false);
    assert.deepEqual(changes, ['b', 'c', 'a']);
  });

  for (const code of ['authRequired', 'forbidden', 'sessionLost'] as const) {
    it(`R4.4 ${code} comes from an endpoint that is there, and moves nothing`, () => {
      const { failover, connection } = given();
      assert.equal(failover.lost(connection, 'a', fault(code)), false);
      assert.equal(failover.current, 'a');
    });
  }

  it('R4.4 many connections that fail at all endpoints do not spur each other on', () => {
    const { failover, clock } = given(['a', 'b']);
    let atOnce = 0;
    const connections = Array.from({ length: 50 }, (): Movable => ({ moveOver: () => false }));
    for (let turn = 0; turn < 10; turn += 1) {
      for (const connection of connections) {
        const again = failover.lost(connection, failover.current, fault('connectionRefused'));
        if (again) atOnce += 1;
      }
    }
    // One that finds both marked as failed waits for its backoff.
    assert.ok(atOnce <= connections.length, String(atOnce));
    assert.equal(clock.pending, 0);
  });

  it('R4.4 asks the preferred one only while a connection is elsewhere', async () => {
    const { failover, connection, asked, clock } = given();
    failover.ready(connection, 'a');
    await clock.advance(300_000);
    assert.deepEqual(asked, []);
    failover.lost(connection, 'a', fault('connectionReset'));
    failover.ready(connection, 'b');
    await clock.advance(90_000);
    assert.deepEqual(asked, ['a', 'a', 'a']);
    failover.left(connection);
    await clock.advance(300_000);
    assert.deepEqual(asked, ['a', 'a', 'a']);
    assert.equal(clock.pending, 0);
  });

  it('R4.4 goes back when the preferred one has been well for a while, and asks no more', async () => {
    const { failover, connection, preferred, clock, moves, changes, asked } = given();
    failover.lost(connection, 'a', fault('connectionReset'));
    failover.ready(connection, 'b');
    preferred.isThere = true;
    await clock.advance(30_000);
    assert.deepEqual(moves, []);
    await clock.advance(30_000);
    assert.deepEqual([moves, changes, failover.current], [[false], ['b', 'a'], 'a']);
    await clock.advance(300_000);
    assert.equal(asked.length, 2);
    assert.equal(clock.pending, 0);
  });

  it('R4.4 goes back in a moment without calls, or after half a minute all the same', async () => {
    const { failover, connection, preferred, clock, moves, busy } = given();
    failover.lost(connection, 'a', fault('connectionReset'));
    failover.ready(connection, 'b');
    preferred.isThere = true;
    busy.value = true;
    await clock.advance(60_000 + 29_900);
    assert.ok(moves.length > 10 && moves.every((evenWhileBusy) => !evenWhileBusy));
    await clock.advance(1_000);
    assert.equal(moves.at(-1), true);
    assert.equal(clock.pending, 0);
  });

  it('R4.4 does not go back to what has failed again while it waited for a quiet moment', async () => {
    const { failover, connection, preferred, clock, moves, busy } = given();
    failover.lost(connection, 'a', fault('connectionReset'));
    failover.ready(connection, 'b');
    preferred.isThere = true;
    busy.value = true;
    await clock.advance(60_100);
    const another: Movable = { moveOver: () => false };
    failover.lost(another, 'a', fault('connectionRefused'));
    preferred.isThere = false;
    busy.value = false;
    const before = moves.length;
    await clock.advance(60_000);
    assert.deepEqual([moves.length, failover.current], [before, 'b']);
  });

  it('leaves no timer behind', async () => {
    const { failover, connection, clock, asked } = given();
    failover.lost(connection, 'a', fault('connectionReset'));
    failover.ready(connection, 'b');
    failover.dispose();
    assert.equal(clock.pending, 0);
    await clock.advance(100_000);
    assert.deepEqual(asked, []);
  });
});
