import assert from 'node:assert/strict';
import { FakeClock } from '../../../test/support/fakeClock.ts';
import { Fault, type FaultCode } from '../../shared/model/fault.ts';
import { Tide } from '../policies/backoff/tide.ts';
import { ServerRecovery, type Attempt, type RecoveryPlan } from './serverRecovery.ts';

const backoff = { baseMs: 1_000, maxMs: 60_000, jitterRatio: 0 };

/** A server with some sessions; what each of them is told, in order. */
function given(keys: readonly string[], maxRestartAttempts = 3) {
  const clock = new FakeClock();
  const tide = new Tide(clock);
  const recovery = new ServerRecovery('s', { clock, random: () => 0.5, tide });
  const told: string[] = [];
  const waiting = new Set<string>();
  const memberships = new Map(
    keys.map((key) => [
      key,
      recovery.join(key, {
        retry: () => {
          if (waiting.has(key)) told.push(`${key} retries`);
          return waiting.has(key);
        },
        follow: ({ state, delayMs }) => {
          if (waiting.has(key)) told.push(`${key} ${state} ${delayMs}`);
        },
      }),
    ]),
  );
  const fail = (key: string, attempt: Attempt, code: FaultCode = 'exited', more = {}): RecoveryPlan => {
    waiting.add(key);
    const fault = new Fault(code, 'It failed.', { server: 's', ...more });
    const policy = { backoff, maxRestartAttempts };
    return recovery.ended(key, attempt, { readyForMs: undefined, answeredCalls: 0, fault, policy });
  };
  /** Ends a launch that was ready. */
  const end = (key: string, attempt: Attempt, readyForMs: number, answeredCalls: number): RecoveryPlan => {
    waiting.add(key);
    const fault = new Fault('exited', 'It ended.', { server: 's' });
    return recovery.ended(key, attempt, {
      readyForMs,
      answeredCalls,
      fault,
      policy: { backoff, maxRestartAttempts },
    });
  };
  const ready = (key: string, attempt: Attempt): void => {
    waiting.delete(key);
    recovery.ready(key, attempt);
  };
  return { clock, tide, recovery, told, waiting, memberships, fail, end, ready };
}

describe('recovery of a server', () => {
  it('R5.2 sessions that lose their server together have failed once', () => {
    const { recovery, fail } = given(['a', 'b', 'c']);
    const [a, b, c] = [recovery.begin(), recovery.begin(), recovery.begin()];
    assert.deepEqual(
      [fail('a', a), fail('b', b), fail('c', c)].map(({ state, delayMs }) => [state, delayMs]),
      [
        ['recovering', 0],
        ['recovering', 0],
        ['recovering', 0],
      ],
    );
    assert.equal(recovery.attempts, 1);
  });

  it('R5.2 a server that was of use to one of its sessions is no crash loop, whichever of them ends first', async () => {
    const { clock, recovery, end, ready } = given(['used', 'fresh']);
    for (let kill = 0; kill < 6; kill += 1) {
      const [used, fresh] = [recovery.begin(), recovery.begin()];
      ready('used', used);
      ready('fresh', fresh);
      await clock.advance(500);
      end('fresh', fresh, 500, 0);
      assert.deepEqual(
        [end('used', used, 500, 3).state, recovery.attempts],
        ['recovering', 1],
        `kill ${kill}`,
      );
    }
  });

  it('R5.2 one session tries for all; the others follow its plan, and are let go as soon as it is ready', async () => {
    const { clock, recovery, told, fail, ready, waiting } = given(['a', 'b', 'c']);
    fail('a', recovery.begin());
    const again = recovery.begin();
    waiting.add('b').add('c');
    told.length = 0;
    assert.equal(fail('a', again).delayMs, 1_000);
    assert.deepEqual(told, ['b recovering 1000', 'c recovering 1000']);
    assert.equal(recovery.heldBack('b', false)?.delayMs, 1_000);
    await clock.advance(1_000);
    told.length = 0;
    assert.equal(recovery.heldBack('b', false), undefined, 'its turn');
    assert.equal(recovery.heldBack('a', false)?.delayMs, 10_000, 'b tries for it');
    const trial = recovery.begin();
    assert.equal(fail('b', trial).state, 'crashLoop');
    assert.deepEqual(told, ['a crashLoop 60000', 'c crashLoop 60000']);
    await clock.advance(60_000);
    assert.equal(recovery.heldBack('c', false), undefined);
    told.length = 0;
    ready('c', recovery.begin());
    assert.deepEqual(told, ['a retries', 'b retries']);
    assert.equal(recovery.heldBack('a', false), undefined);
  });

  it('R5.2 a hung trial lets another one try after ten seconds; one that leaves, at once', async () => {
    const { clock, recovery, told, memberships, fail, waiting } = given(['a', 'b', 'c']);
    fail('a', recovery.begin());
    fail('a', recovery.begin());
    waiting.add('b').add('c');
    await clock.advance(1_000);
    assert.equal(recovery.heldBack('a', false), undefined);
    await clock.advance(9_999);
    assert.equal(recovery.heldBack('b', false)?.delayMs, 1);
    await clock.advance(1);
    assert.equal(recovery.heldBack('b', false), undefined);
    told.length = 0;
    waiting.delete('a');
    memberships.get('b')?.dispose();
    assert.deepEqual(told, ['c retries']);
  });

  it('peers 5: a session that is opened while the server is down starts nothing of its own', async () => {
    const { clock, recovery, fail } = given(['a', 'new']);
    for (let round = 0; round < 3; round += 1) fail('a', recovery.begin());
    assert.deepEqual(recovery.heldBack('new', true)?.state, 'crashLoop');
    assert.equal(recovery.heldBack('new', true)?.delayMs, 10_000, 'but need not wait out a long interval');
    await clock.advance(10_000);
    assert.equal(recovery.heldBack('new', true), undefined);
    assert.equal(recovery.heldBack('a', false)?.delayMs, 50_000);
    // However many are opened: one try in ten seconds.
    assert.notEqual(recovery.heldBack('newer', true), undefined);
  });

  it('a session that fails alone beside others that work holds nobody up', async () => {
    const { clock, recovery, told, fail, ready } = given(['well', 'ill', 'new']);
    ready('well', recovery.begin());
    for (let round = 0; round < 3; round += 1) {
      fail('ill', recovery.begin());
      await clock.advance(3_000);
    }
    assert.deepEqual(told, []);
    assert.equal(recovery.heldBack('new', true), undefined);
    assert.equal(recovery.heldBack('ill', false), undefined, 'its own time is its own affair');
  });

  it('a server whose sessions end each other is not started ever faster', () => {
    const { recovery, told, end, ready } = given(['a', 'b']);
    // Each start ends the other one's process, as servers do that remove "stale" instances.
    let [a, b] = [recovery.begin(), recovery.begin()];
    ready('a', a);
    const states: string[] = [];
    for (let round = 0; round < 4; round += 1) {
      states.push(end('a', a, 10, 0).state);
      told.length = 0;
      ready('b', b);
      assert.deepEqual(told, [], 'what began before the end is no evidence against it');
      a = recovery.begin();
      states.push(end('b', b, 10, 0).state);
      ready('a', a);
      b = recovery.begin();
    }
    assert.ok(states.includes('crashLoop'), states.join());
  });

  it('R2 what never began waits from the first time on; Retry-After is waited out', () => {
    const { recovery, fail } = given(['a']);
    assert.equal(fail('a', recovery.begin(), 'connectionRefused').delayMs, 1_000);
    recovery.reset();
    assert.equal(fail('a', recovery.begin(), 'rateLimited', { retryAfterMs: 7_000 }).delayMs, 7_000);
  });

  it('R2 three servers that fail together come back at different times', () => {
    const clock = new FakeClock();
    const tide = new Tide(clock);
    let chance = 0;
    const delays = ['a', 'b', 'c', 'd', 'e'].map((name) => {
      const recovery = new ServerRecovery(name, { clock, random: () => (chance += 0.13) % 1, tide });
      recovery.join(name, { retry: () => false, follow: () => undefined });
      const policy = { backoff, maxRestartAttempts: 6 };
      const end = { readyForMs: undefined, answeredCalls: 0, policy };
      const fault = new Fault('connectionRefused', 'No.', { server: name });
      recovery.ended(name, recovery.begin(), { ...end, fault });
      return recovery.ended(name, recovery.begin(), { ...end, fault }).delayMs;
    });
    assert.deepEqual(delays.slice(0, 2), [2_000, 2_000], 'two are no herd');
    assert.equal(new Set(delays.slice(2)).size, 3);
  });

  it('R5.8 a server that is usually back after eight seconds is tried then', async () => {
    const { clock, recovery, fail, end, ready } = given(['a'], 6);
    let attempts = 0;
    const outage = async (downMs: number): Promise<number> => {
      const failedAt = clock.now();
      let attempt = recovery.begin();
      attempts = 0;
      for (;;) {
        attempts += 1;
        const { delayMs } =
          attempts === 1 ? end('a', attempt, 60_000, 5) : fail('a', attempt, 'connectionRefused');
        await clock.advance(delayMs);
        attempt = recovery.begin();
        if (clock.now() - failedAt >= downMs) break;
      }
      const tookMs = clock.now() - failedAt;
      ready('a', attempt);
      await clock.advance(60_000);
      return tookMs;
    };
    const first = await outage(8_000);
    const firstAttempts = attempts;
    for (let round = 0; round < 6; round += 1) await outage(8_000);
    const last = await outage(8_000);
    assert.ok(last < first && last < 11_000, `${first} ms, later ${last} ms`);
    assert.ok(attempts <= firstAttempts);
    assert.ok(recovery.times.kept.length >= 6);
  });

  it('R2 a fresh start that is asked for forgets what was held against it', () => {
    const { recovery, fail } = given(['a', 'b']);
    for (let round = 0; round < 4; round += 1) fail('a', recovery.begin());
    assert.equal(recovery.heldBack('b', true)?.state, 'crashLoop');
    recovery.reset();
    assert.equal(recovery.heldBack('b', true), undefined);
    assert.deepEqual([recovery.attempts, fail('a', recovery.begin()).delayMs], [0, 0]);
  });
});
