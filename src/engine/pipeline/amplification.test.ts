import assert from 'node:assert/strict';
import { FakeClock, settle } from '../../../test/support/fakeClock.ts';
import type { CancelController } from '../../shared/base/cancellation.ts';
import { toDisposable } from '../../shared/base/disposable.ts';
import { Fault, type FaultCode } from '../../shared/model/fault.ts';
import { Breaker } from '../policies/breaker/breaker.ts';
import { RetryBudget } from '../policies/retryBudget/retryBudget.ts';
import { Outages } from '../upstream/outages.ts';
import type { Launch } from '../upstream/launch.ts';
import { Deadline, type Call, type Outcome } from './call.ts';
import { guardStage } from './guardStage.ts';
import { compose, type Next } from './pipeline.ts';
import { retryStage } from './retryStage.ts';

const answer: Outcome = { kind: 'answer', line: new Uint8Array(), isError: false };
const CALLS = 1_000;

/** A process or session as far as the guard looks at it. */
function fakeLaunch(): Launch & { hasEnded: boolean } {
  let counted = false;
  const countLoss = (): boolean => {
    const first = !counted;
    counted = true;
    return first;
  };
  return { outages: new Outages(), hasEnded: false, countLoss } as unknown as Launch & { hasEnded: boolean };
}

function given(options: { withBreaker: boolean; maxRetries?: number }) {
  const clock = new FakeClock();
  const budget = new RetryBudget();
  const breaker = new Breaker(
    clock,
    { failureThreshold: 3, successThreshold: 2, recoveryTimeoutMs: 30_000 },
    (error) => {
      throw error as Error;
    },
  );
  let launch = fakeLaunch();
  let written = 0;
  let refused = 0;
  const retries = retryStage({
    maxRetries: options.maxRetries ?? 5,
    clock,
    random: () => 0.5,
    backoff: { baseMs: 1_000, maxMs: 60_000, jitterRatio: 0.1 },
    budget,
    onRetry: () => undefined,
    onRefused: () => (refused += 1),
  });
  const guard = guardStage({ whenUsable: () => Promise.resolve(launch) }, breaker, () => undefined);
  const run = (server: Next): Next => {
    const write: Next = (call) => {
      written += 1;
      call.delivery = 'written';
      return server(call);
    };
    return compose([retries, options.withBreaker ? guard : undefined], write);
  };
  const call = (): Call => {
    const controller: CancelController = new AbortController();
    const deadline = new Deadline(clock, { totalMs: 60_000, capMs: 600_000 }, () =>
      controller.abort(new Fault('requestTimeout', '')),
    );
    return { retryClass: 'safe', delivery: 'queued', controller, deadline, server: 's' } as Call;
  };
  /** Runs all calls, so many at a time, and gives their outcomes. */
  const runAll = async (next: Next, atATime: number): Promise<Outcome[]> => {
    const outcomes: Outcome[] = [];
    let left = CALLS;
    const client = async (): Promise<void> => {
      while (left > 0) {
        left -= 1;
        const one = call();
        outcomes.push(await next(one));
        one.deadline.dispose();
      }
    };
    const all = Promise.all(Array.from({ length: atATime }, client));
    while (outcomes.length < CALLS) await clock.advance(1_000);
    await all;
    return outcomes;
  };
  const endLaunch = (): void => {
    launch.hasEnded = true;
    launch = fakeLaunch();
  };
  return { clock, budget, run, runAll, call, endLaunch, counts: () => ({ written, refused }) };
}

/** A server that fails each call a moment after it got it. */
const failing =
  (clock: FakeClock, code: FaultCode, before: () => void = () => undefined): Next =>
  () =>
    new Promise((resolve) => {
      clock.setTimer(5, () => {
        before();
        resolve({ kind: 'fault', fault: new Fault(code, code) });
      });
    });

describe('retry amplification', () => {
  for (const atATime of [1, 10, 100]) {
    for (const code of ['unavailable', 'rateLimited', 'readTimeout'] as const) {
      it(`R2.7 is at most 1.2 over ${CALLS} calls, ${atATime} at a time, that all end as ${code}`, async () => {
        const { clock, run, runAll, counts } = given({ withBreaker: false });
        const outcomes = await runAll(run(failing(clock, code)), atATime);
        assert.ok(counts().written <= CALLS * 1.2, `${counts().written}`);
        assert.ok(counts().refused > 0);
        // Who was refused a retry hears what happened, and nothing about budgets.
        for (const outcome of outcomes) assert.ok(outcome.kind === 'fault' && outcome.fault.code === code);
        assert.equal(clock.pending, 0);
      });
    }

    it(`R2.7 is at most 1.2 over ${CALLS} calls, ${atATime} at a time, that all lose their connection`, async () => {
      const { clock, run, runAll, counts } = given({ withBreaker: true });
      await runAll(run(failing(clock, 'connectionReset')), atATime);
      assert.ok(counts().written <= CALLS * 1.2, `${counts().written}`);
    });

    it(`R2.7 is at most 1.2 over ${CALLS} calls, ${atATime} at a time, to a server that dies of each`, async () => {
      const { clock, run, runAll, endLaunch, counts } = given({ withBreaker: true });
      await runAll(run(failing(clock, 'exited', endLaunch)), atATime);
      assert.ok(counts().written <= CALLS * 1.2, `${counts().written}`);
    });
  }

  it('R2.5 a process that is killed under a hundred calls costs one token, and all of them are run again', async () => {
    const { clock, run, call, endLaunch, budget, counts } = given({ withBreaker: true });
    let isKilled = false;
    const next = run(() => (isKilled ? Promise.resolve(answer) : failing(clock, 'exited')(call())));
    const outcomes = Array.from({ length: 100 }, () => next(call()));
    await settle();
    isKilled = true;
    endLaunch();
    await clock.advance(10);
    assert.ok((await Promise.all(outcomes)).every(({ kind }) => kind === 'answer'));
    assert.deepEqual(counts(), { written: 200, refused: 0 });
    assert.ok(budget.tokens >= 9);
  });

  it('R14.1 what a kill has taken runs again although many kills before it have spent the budget; what a second one takes does not', async () => {
    const { clock, run, call, endLaunch, budget } = given({ withBreaker: false });
    for (let kill = 0; kill < 10; kill += 1) budget.noteFailure(budget.known);
    let kills = 1;
    const next = run((one) => {
      if (kills === 0) return Promise.resolve(answer);
      kills -= 1;
      return failing(clock, 'exited', endLaunch)(one);
    });
    const lostOnce = next(call());
    await clock.advance(10);
    assert.equal((await lostOnce).kind, 'answer');
    kills = 2;
    const lostTwice = next(call());
    await clock.advance(10);
    await clock.advance(10);
    assert.equal((await lostTwice).kind, 'fault');
  });

  it('R2.7 to wait for a server that cannot be reached costs nothing', async () => {
    const { clock, run, call, budget } = given({ withBreaker: false });
    let tries = 0;
    const next = run((one) => {
      tries += 1;
      one.delivery = 'queued';
      const fault = new Fault('connectionRefused', '');
      return Promise.resolve(tries > 20 ? answer : { kind: 'fault', fault });
    });
    const outcomes = Array.from({ length: 10 }, () => next(call()));
    await clock.advance(60_000);
    assert.ok((await Promise.all(outcomes)).every(({ kind }) => kind === 'answer'));
    assert.equal(budget.tokens, 10);
  });
});

describe('waits of a call', () => {
  it('R2.6 a call that waits for a trial’s verdict ends at once when it is cancelled, and leaves nothing behind', async () => {
    const clock = new FakeClock();
    const options = { failureThreshold: 1, successThreshold: 1, recoveryTimeoutMs: 1_000 };
    const breaker = new Breaker(clock, options, () => undefined);
    const admission = breaker.admit();
    assert.ok(admission.kind === 'go');
    admission.ticket.failure();
    breaker.noteEvidenceOfRecovery();
    const trial = breaker.admit();
    assert.ok(trial.kind === 'go');
    let subscriptions = 0;
    const watched = {
      rejection: () => breaker.rejection(),
      admit: () => breaker.admit(),
      onDidChange: (listener: () => void) => {
        subscriptions += 1;
        const subscription = breaker.onDidChange(listener);
        return toDisposable(() => {
          subscriptions -= 1;
          subscription.dispose();
        });
      },
    } as unknown as Breaker;
    const guard = guardStage({ whenUsable: () => Promise.resolve(fakeLaunch()) }, watched, () => undefined);
    const listeners = new Set<unknown>();
    const controller: CancelController = new AbortController();
    const { signal } = controller;
    const counted = {
      get aborted() {
        return signal.aborted;
      },
      get reason() {
        return signal.reason;
      },
      addEventListener: (type: 'abort', listener: () => void, how?: { once?: boolean }) => {
        listeners.add(listener);
        signal.addEventListener(type, listener, how);
      },
      removeEventListener: (type: 'abort', listener: () => void) => {
        listeners.delete(listener);
        signal.removeEventListener(type, listener);
      },
    };
    const waits = [1, 2, 3].map(() =>
      guard({ controller: { signal: counted }, server: 's' } as unknown as Call, () =>
        Promise.resolve(answer),
      ),
    );
    await settle();
    assert.deepEqual([listeners.size, subscriptions], [3, 3]);
    controller.abort(new Fault('cancelled', ''));
    for (const outcome of await Promise.all(waits))
      assert.ok(outcome.kind === 'fault' && outcome.fault.code === 'cancelled');
    assert.equal(subscriptions, 0);
    // Its place was never taken, so the next one gets it as soon as the trial is over without a verdict.
    trial.ticket.neutral();
    assert.equal(breaker.admit().kind, 'go');
    assert.equal(clock.pending, 0);
  });

  it('a trial runs through the connection that is there when its turn comes (peers’ mistake 3)', async () => {
    const clock = new FakeClock();
    const options = { failureThreshold: 1, successThreshold: 1, recoveryTimeoutMs: 1_000 };
    const breaker = new Breaker(clock, options, () => undefined);
    const admission = breaker.admit();
    assert.ok(admission.kind === 'go');
    admission.ticket.failure();
    breaker.noteEvidenceOfRecovery();
    const trial = breaker.admit();
    assert.ok(trial.kind === 'go');
    let launch = fakeLaunch();
    const guard = guardStage({ whenUsable: () => Promise.resolve(launch) }, breaker, () => undefined);
    let usedDead: boolean | undefined;
    const { signal } = new AbortController();
    const deadline = new Deadline(clock, { totalMs: 60_000, capMs: 600_000 }, () => undefined);
    const waiting = guard({ controller: { signal }, deadline, server: 's' } as unknown as Call, (call) => {
      usedDead = call.launch?.hasEnded;
      return Promise.resolve(answer);
    });
    await settle();
    launch.hasEnded = true;
    launch = fakeLaunch();
    trial.ticket.neutral();
    await waiting;
    assert.equal(usedDead, false);
    assert.equal(breaker.state, 'closed');
  });

  it('R5.1 a trial that ends on an error of ours frees its place for the next one', async () => {
    const clock = new FakeClock();
    const options = { failureThreshold: 1, successThreshold: 1, recoveryTimeoutMs: 1_000 };
    const breaker = new Breaker(clock, options, () => undefined);
    const admission = breaker.admit();
    assert.ok(admission.kind === 'go');
    admission.ticket.failure();
    breaker.noteEvidenceOfRecovery();
    const guard = guardStage({ whenUsable: () => Promise.resolve(fakeLaunch()) }, breaker, () => undefined);
    const { signal } = new AbortController();
    const deadline = new Deadline(clock, { totalMs: 60_000, capMs: 600_000 }, () => undefined);
    const call = { controller: { signal }, deadline, server: 's' } as unknown as Call;
    await assert.rejects(
      guard(call, () => Promise.reject(new TypeError('a bug'))),
      /a bug/,
    );
    assert.equal(breaker.admit().kind, 'go');
  });
});
