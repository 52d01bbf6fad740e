import assert from 'node:assert/strict';
import fc from 'fast-check';
import { connectionStates, isUsable, type ConnectionState } from '../../../shared/model/connectionState.ts';
import { Outages } from './outages.ts';

function given() {
  let now = 100;
  const outages = new Outages(() => now);
  /** A connection goes through these states, one after another, each for so long. `!`: it fails there. */
  const go = (
    connection: string,
    ...steps: readonly (readonly [state: `${'' | '!'}${ConnectionState}`, ms: number])[]
  ) => {
    for (const [step, ms] of steps) {
      const state = step.replace('!', '') as ConnectionState;
      outages.noteState(connection, state, step.startsWith('!'));
      now += ms;
    }
  };
  const counts = () => [outages.count, outages.recovered.count, outages.abandoned];
  return { outages, go, counts };
}

describe('outages', () => {
  it('R11.1 a first start is none, and counts neither for nor against the server', () => {
    const { outages, go, counts } = given();
    outages.noteLaunch(true);
    go('a', ['connecting', 500], ['initializing', 500], ['probing', 10], ['ready', 1_000]);
    assert.deepEqual(counts(), [0, 0, 0]);
    assert.deepEqual(outages.uptime.reading, { usableMs: 1_000, downMs: 0, unusedMs: 1_010 });
    assert.deepEqual([outages.attempts, outages.restarts, outages.failedConnections], [0, 0, 0]);
  });

  it('R11.1 one lasts from losing the last usable connection until one is usable', () => {
    const { outages, go, counts } = given();
    go('a', ['connecting', 5], ['ready', 1_000], ['!broken', 10], ['recovering', 190]);
    assert.deepEqual(counts(), [1, 0, 0]);
    assert.equal(outages.since, 1_105);
    outages.noteLaunch(false);
    go('a', ['connecting', 100], ['!broken', 0], ['recovering', 400]);
    outages.noteLaunch(false);
    go('a', ['connecting', 200], ['initializing', 50], ['probing', 50], ['ready', 9_000]);
    assert.deepEqual(counts(), [1, 1, 0]);
    assert.deepEqual(outages.recovered.figures, { averageMs: 1_000, longestMs: 1_000, lastMs: 1_000 });
    assert.equal(outages.uptime.ratio, 10 / 11);
    assert.deepEqual([outages.attempts, outages.restarts, outages.failedConnections], [2, 2, 2]);
    assert.equal(outages.since, undefined);
  });

  it('R12.1 counts the launches that failed in it, and nothing once it is over', () => {
    const { outages, go } = given();
    go('a', ['ready', 1], ['!broken', 1], ['recovering', 1]);
    assert.equal(outages.failures, 0, 'what was lost is no launch that failed');
    go('a', ['connecting', 1], ['!broken', 1], ['recovering', 1]);
    go('a', ['connecting', 1], ['initializing', 1], ['!broken', 1], ['recovering', 1]);
    assert.equal(outages.failures, 2);
    go('a', ['connecting', 1], ['broken', 1], ['connecting', 1]);
    assert.equal(outages.failures, 2, 'one that was ended by a person has not failed');
    go('a', ['ready', 1], ['!broken', 1]);
    assert.equal(outages.failures, 0);
    go('a', ['connecting', 1], ['ready', 1]);
    assert.equal(outages.failures, undefined);
    const first = given();
    first.go('a', ['connecting', 1], ['!broken', 1], ['recovering', 1]);
    assert.equal(first.outages.failures, 1);
    const signedOut = given();
    signedOut.go('a', ['connecting', 1], ['!needsSignIn', 1]);
    assert.equal(signedOut.outages.failures, undefined);
  });

  it('R12.1 counts them of each connection, also while another one is usable', () => {
    const { outages, go } = given();
    go('a', ['ready', 1]);
    go('b', ['ready', 1], ['!broken', 1], ['recovering', 1], ['connecting', 1]);
    assert.deepEqual([outages.count, outages.failures], [0, 0]);
    go('b', ['!broken', 1], ['crashLoop', 1]);
    assert.deepEqual([outages.count, outages.failures], [0, 1]);
    go('b', ['idle', 1]);
    assert.equal(outages.failures, undefined);
  });

  it('R11.1 while another connection is usable, one that is lost is none', () => {
    const { outages, go, counts } = given();
    go('a', ['ready', 10]);
    go('b', ['ready', 10], ['!broken', 10], ['recovering', 10]);
    assert.deepEqual(counts(), [0, 0, 0]);
    assert.equal(outages.failedConnections, 1);
    go('a', ['stopped', 30]); // its client leaves: now there is none that can be used
    assert.deepEqual(counts(), [1, 0, 0]);
    go('b', ['ready', 10]);
    assert.equal(outages.recovered.figures?.lastMs, 30);
  });

  it('R11.1 a failed first start begins one', () => {
    const { outages, go, counts } = given();
    go('a', ['connecting', 50], ['!broken', 0], ['crashLoop', 100], ['connecting', 50], ['suspect', 0]);
    assert.deepEqual(counts(), [1, 1, 0]);
    assert.equal(outages.recovered.figures?.lastMs, 150);
  });

  it('R11.1 a fresh start that was asked for is one, without a failed connection', () => {
    const { outages, go, counts } = given();
    go('a', ['ready', 10], ['broken', 20], ['connecting', 30], ['ready', 0]);
    assert.deepEqual(counts(), [1, 1, 0]);
    assert.equal(outages.recovered.figures?.lastMs, 50);
    assert.equal(outages.failedConnections, 0);
  });

  it('R11.1 the time in which nobody waits for a lost server is not part of it', () => {
    const { outages, go, counts } = given();
    go(
      'a',
      ['ready', 10],
      ['!broken', 5],
      ['recovering', 5],
      ['idle', 3_600_000],
      ['connecting', 90],
      ['ready', 0],
    );
    assert.deepEqual(counts(), [1, 1, 0]);
    assert.equal(outages.recovered.figures?.lastMs, 100);
    assert.equal(outages.uptime.reading.downMs, 100);
  });

  for (const end of ['stopped', 'isolated'] as const) {
    it(`R11.1 one that ends because it is ${end} is abandoned`, () => {
      const { outages, go, counts } = given();
      go('a', ['ready', 10], ['!broken', 5], [end, 1_000]);
      assert.deepEqual(counts(), [1, 0, 1]);
      assert.equal(outages.uptime.reading.downMs, 5);
      assert.equal(outages.recovered.figures, undefined);
    });
  }

  it('R11.1 a server that is stopped or isolated while it works has no outage', () => {
    const { go, counts } = given();
    go(
      'a',
      ['ready', 10],
      ['isolated', 10],
      ['idle', 10],
      ['connecting', 10],
      ['ready', 10],
      ['stopped', 10],
    );
    assert.deepEqual(counts(), [0, 0, 0]);
  });

  it('R11.1 whatever its connections do, each outage ends once or is under way, and its time is the time it was down', () => {
    const step = fc.record({
      connection: fc.constantFrom('a', 'b', 'c'),
      state: fc.constantFrom(...connectionStates),
      failed: fc.boolean(),
      ms: fc.integer({ min: 0, max: 1_000 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let now = 0;
        const outages = new Outages(() => now);
        const states = new Map<string, ConnectionState>();
        let wasUsable = false;
        let lost = 0;
        let back = 0;
        for (const { connection, state, failed, ms } of steps) {
          outages.noteState(connection, state, failed);
          states.set(connection, state);
          const usable = [...states.values()].some(isUsable);
          const isDown = outages.since !== undefined;
          if (!usable && isDown && wasUsable) lost += 1;
          if (usable) assert.ok(!isDown, 'an outage of a usable server');
          if (usable && !wasUsable) back += 1;
          wasUsable = usable;
          now += ms;
          const { recovered, abandoned, count } = outages;
          assert.equal(recovered.count + abandoned + (isDown ? 1 : 0), count);
          const { usableMs, downMs, unusedMs } = outages.uptime.reading;
          assert.equal(usableMs + downMs + unusedMs, now);
          assert.ok(recovered.totalMs <= downMs);
        }
        assert.ok(lost <= outages.count);
        assert.ok(outages.recovered.count <= back);
      }),
      { numRuns: 500 },
    );
  });
});
