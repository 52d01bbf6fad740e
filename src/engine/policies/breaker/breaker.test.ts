import assert from 'node:assert/strict';
import { FakeClock } from '../../../../test/support/fakeClock.ts';
import type { BreakerStateName } from '../../../shared/model/snapshot.ts';
import { Breaker, checkBreakerMove, legalBreakerMoves, type Ticket } from './breaker.ts';

const fail = (error: unknown): void => {
  throw error as Error;
};
const given = (options: Partial<ConstructorParameters<typeof Breaker>[1]> = {}) => {
  const clock = new FakeClock();
  const breaker = new Breaker(
    clock,
    { failureThreshold: 3, successThreshold: 2, recoveryTimeoutMs: 30_000, ...options },
    fail,
  );
  const ticket = (): Ticket => {
    const admission = breaker.admit();
    assert.ok(admission.kind === 'go', admission.kind);
    return admission.ticket;
  };
  const failTimes = (times: number): void => {
    for (let n = 0; n < times; n += 1) ticket().failure();
  };
  return { clock, breaker, ticket, failTimes };
};

describe('breaker', () => {
  it('R5.1 opens at the third failure in a row and says when it will be tried again', async () => {
    const { clock, breaker, failTimes } = given();
    failTimes(2);
    assert.equal(breaker.state, 'closed');
    failTimes(1);
    assert.equal(breaker.state, 'open');
    await clock.advance(10_000);
    assert.deepEqual(breaker.admit(), { kind: 'rejected', reason: 'open', retryAfterMs: 20_000 });
  });

  it('R5.1 opens when half of the last ten failed, though never three in a row', () => {
    const { breaker, ticket } = given();
    for (const failed of [false, true, false, true]) failed ? ticket().failure() : ticket().success();
    assert.equal(breaker.state, 'closed');
    ticket().failure();
    assert.equal(breaker.state, 'open');
  });

  it('R5.1 lets two trials through when its time is over, makes others wait, and closes after both succeed', async () => {
    const { clock, breaker, ticket, failTimes } = given();
    failTimes(3);
    await clock.advance(30_000);
    const first = ticket();
    const second = ticket();
    assert.equal(breaker.admit().kind, 'wait');
    first.success();
    assert.equal(breaker.state, 'halfOpen');
    assert.equal(breaker.admit().kind, 'wait');
    second.success();
    assert.equal(breaker.state, 'closed');
    assert.equal(breaker.failures, 0);
  });

  it('gives a cancelled trial its place back', async () => {
    const { clock, breaker, ticket, failTimes } = given();
    failTimes(3);
    await clock.advance(30_000);
    const first = ticket();
    ticket();
    assert.equal(breaker.admit().kind, 'wait');
    first.neutral();
    assert.equal(breaker.admit().kind, 'go');
  });

  it('R2 stays open twice as long after each failed trial, up to 300 seconds', async () => {
    const { clock, breaker, ticket, failTimes } = given();
    failTimes(3);
    const waits: (number | undefined)[] = [];
    for (let trip = 0; trip < 6; trip += 1) {
      waits.push(breaker.retryAfterMs);
      await clock.advance(breaker.retryAfterMs ?? 0);
      ticket().failure();
    }
    assert.deepEqual(waits, [30_000, 60_000, 120_000, 240_000, 300_000, 300_000]);
  });

  it('goes half-open at once on evidence of recovery', () => {
    const { breaker, failTimes } = given();
    failTimes(3);
    breaker.noteEvidenceOfRecovery();
    assert.equal(breaker.state, 'halfOpen');
  });

  it('drops the result of a call that was admitted in an earlier state', () => {
    const { breaker, ticket, failTimes } = given();
    const late = ticket();
    failTimes(3);
    breaker.noteEvidenceOfRecovery();
    late.failure();
    assert.equal(breaker.state, 'halfOpen');
  });

  it('stays isolated until every holder has let go, whatever is reset meanwhile', () => {
    const { breaker } = given();
    const one = breaker.isolate();
    const two = breaker.isolate();
    one.dispose();
    one.dispose();
    breaker.reset();
    assert.deepEqual(breaker.admit(), { kind: 'rejected', reason: 'isolated', retryAfterMs: undefined });
    two.dispose();
    assert.equal(breaker.state, 'closed');
  });

  it('R5.1 other thresholds do not make it forget that it is open, on trial or isolated', async () => {
    const { clock, breaker, ticket, failTimes } = given();
    failTimes(3);
    breaker.configure({ failureThreshold: 50, successThreshold: 3, recoveryTimeoutMs: 1_000 });
    assert.deepEqual([breaker.state, breaker.retryAfterMs, breaker.failures], ['open', 30_000, 3]);
    await clock.advance(30_000);
    ticket().success();
    breaker.configure({ failureThreshold: 50, successThreshold: 2, recoveryTimeoutMs: 1_000 });
    assert.equal(breaker.state, 'halfOpen');
    const handle = breaker.isolate();
    breaker.configure({ failureThreshold: 1, successThreshold: 1, recoveryTimeoutMs: 1_000 });
    assert.equal(breaker.state, 'isolated');
    handle.dispose();
    ticket().failure();
    assert.deepEqual([breaker.state, breaker.retryAfterMs], ['open', 1_000]);
  });

  it('R5.1 closes when fewer successes are asked for than there have been, and tells who waits of more trials', () => {
    const { breaker, ticket, failTimes } = given({ successThreshold: 3 });
    failTimes(3);
    breaker.noteEvidenceOfRecovery();
    ticket().success();
    ticket();
    ticket();
    assert.equal(breaker.admit().kind, 'wait');
    let told = 0;
    breaker.onDidChange(() => (told += 1));
    breaker.configure({ failureThreshold: 3, successThreshold: 4, recoveryTimeoutMs: 30_000 });
    assert.deepEqual([told, breaker.admit().kind], [1, 'go']);
    breaker.configure({ failureThreshold: 3, successThreshold: 1, recoveryTimeoutMs: 30_000 });
    assert.deepEqual([breaker.state, told], ['closed', 2]);
  });

  it('forgets on a reset also what is still under way', () => {
    const { breaker, ticket, failTimes } = given();
    const late = ticket();
    failTimes(2);
    breaker.reset();
    late.failure();
    assert.equal(breaker.failures, 0);
  });

  it('a listener that throws neither changes a result nor keeps the others from hearing', () => {
    const errors: unknown[] = [];
    const options = { failureThreshold: 1, successThreshold: 1, recoveryTimeoutMs: 1_000 };
    const breaker = new Breaker(new FakeClock(), options, (error) => errors.push(error));
    const heard: string[] = [];
    breaker.onDidChange(() => {
      throw new Error('listener');
    });
    breaker.onDidChange((state) => heard.push(state));
    const admission = breaker.admit();
    assert.ok(admission.kind === 'go');
    admission.ticket.failure();
    assert.deepEqual([breaker.state, heard, errors.length], ['open', ['open'], 1]);
  });

  it('half-opens at its time, however often it is asked meanwhile and at whatever interval (peers’ mistakes 2 and 12)', async () => {
    const { clock, breaker, ticket, failTimes } = given();
    const late = ticket();
    failTimes(3);
    // A health check at the breaker's own interval, calls that are refused, a late failure: none may move the time.
    for (let second = 1; second < 30; second += 1) {
      await clock.advance(1_000);
      assert.equal(breaker.admit().kind, 'rejected');
      if (second === 15) late.failure();
    }
    await clock.advance(1_000);
    assert.equal(breaker.admit().kind, 'go');
    assert.equal(breaker.state, 'halfOpen');
  });
});

describe('moves of the breaker', () => {
  const states = Object.keys(legalBreakerMoves) as BreakerStateName[];

  it('R5.1 each illegal one throws', () => {
    const all = states.flatMap((from) => states.map((to) => ({ from, to })));
    const illegal = all.filter(({ from, to }) => !legalBreakerMoves[from].includes(to));
    assert.equal(illegal.length, 6);
    for (const { from, to } of illegal)
      assert.throws(() => checkBreakerMove(from, to), /Illegal breaker move/);
  });

  it('R5.1 each legal one happens', async () => {
    const seen = new Set<string>();
    const watched = () => {
      const all = given({ failureThreshold: 1, successThreshold: 1 });
      let last: BreakerStateName = all.breaker.state;
      all.breaker.onDidChange((state) => {
        seen.add(`${last} -> ${state}`);
        last = state;
      });
      return all;
    };
    const open = () => {
      const all = watched();
      all.failTimes(1);
      return all;
    };
    const halfOpen = () => {
      const all = open();
      all.breaker.noteEvidenceOfRecovery();
      return all;
    };
    watched().breaker.isolate();
    open().breaker.reset();
    open().breaker.isolate();
    halfOpen().breaker.reset();
    halfOpen().ticket().failure();
    const { breaker } = halfOpen();
    const handles = [breaker.isolate(), breaker.isolate()];
    for (const handle of handles) handle.dispose();
    const { clock, ticket } = open();
    await clock.advance(30_000);
    ticket().success();
    const legal = states.flatMap((from) => legalBreakerMoves[from].map((to) => `${from} -> ${to}`));
    assert.deepEqual([...seen].sort(), legal.sort());
  });
});
