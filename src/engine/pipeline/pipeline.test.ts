import assert from 'node:assert/strict';
import { FakeClock } from '../../../test/support/fakeClock.ts';
import type { CancelController } from '../../shared/base/cancellation.ts';
import { Fault, type FaultCode } from '../../shared/model/fault.ts';
import { RetryBudget } from '../policies/retryBudget/retryBudget.ts';
import { Deadline, type Call, type Delivery, type Outcome, type RetryClass } from './call.ts';
import { compose, type Stage } from './pipeline.ts';
import { retryClassOf } from './retryClass.ts';
import { mayRetry, retryStage } from './retryStage.ts';

const fault = (code: FaultCode): Outcome => ({ kind: 'fault', fault: new Fault(code, code) });
const answer: Outcome = { kind: 'answer', line: new Uint8Array(), isError: false };
const callWith = (retryClass: RetryClass, delivery: Delivery = 'queued'): Call => {
  const controller: CancelController = new AbortController();
  return { retryClass, delivery, controller } as Call;
};

describe('deadline', () => {
  const given = (totalMs = 60_000, capMs = 600_000) => {
    const clock = new FakeClock();
    let expired = 0;
    const deadline = new Deadline(clock, { totalMs, capMs }, () => (expired += 1));
    return { clock, deadline, expired: () => expired };
  };

  it('R2 expires once, after its time', async () => {
    const { clock, expired } = given();
    await clock.advance(59_999);
    assert.equal(expired(), 0);
    await clock.advance(600_000);
    assert.equal(expired(), 1);
  });

  it('R2 stands still while it is paused, also when pauses overlap', async () => {
    const { clock, deadline, expired } = given();
    await clock.advance(30_000);
    deadline.pause();
    deadline.pause();
    await clock.advance(100_000);
    deadline.resume();
    await clock.advance(100_000);
    deadline.resume();
    await clock.advance(29_999);
    assert.equal(expired(), 0);
    await clock.advance(1);
    assert.equal(expired(), 1);
  });

  it('R2 starts anew on progress, but never reaches beyond the cap', async () => {
    const { clock, deadline, expired } = given();
    for (let minute = 0; minute < 11; minute += 1) {
      await clock.advance(50_000);
      deadline.extend();
    }
    assert.equal(expired(), 0);
    await clock.advance(50_000);
    assert.equal(expired(), 1);
    assert.equal(clock.pending, 0);
  });

  it('R2 a pause does not reach beyond the cap either', async () => {
    const { clock, deadline, expired } = given();
    deadline.pause();
    await clock.advance(600_000);
    assert.equal(expired(), 1);
  });

  it('leaves no timer behind', async () => {
    const { clock, deadline, expired } = given();
    deadline.pause();
    deadline.dispose();
    deadline.resume();
    assert.equal(clock.pending, 0);
    await clock.advance(1_000_000);
    assert.equal(expired(), 0);
  });
});

describe('retry', () => {
  for (const [retryClass, delivery, code, expected] of [
    ['safe', 'written', 'exited', true],
    ['idempotent', 'written', 'brokenPipe', true],
    ['atMostOnce', 'written', 'exited', false],
    ['atMostOnce', 'queued', 'exited', true],
    ['safe', 'written', 'requestTimeout', false],
    ['safe', 'queued', 'circuitOpen', false],
    ['safe', 'queued', 'crashLoop', false],
  ] as const) {
    it(`R2.4 ${retryClass}, ${delivery}, ${code}: ${expected ? 'tried again' : 'given up'}`, () => {
      assert.equal(mayRetry(callWith(retryClass, delivery), fault(code)), expected);
    });
  }

  it('R2.6 is given up once the call is cancelled', () => {
    const call = callWith('safe', 'written');
    call.controller.abort(new Fault('cancelled', ''));
    assert.equal(mayRetry(call, fault('exited')), false);
  });

  it('R2 is tried no more often than allowed', async () => {
    let attempts = 0;
    const { stage, call } = givenRetries();
    const outcome = await stage(call, () => {
      attempts += 1;
      return Promise.resolve(fault('exited'));
    });
    assert.equal(attempts, 6);
    assert.equal(outcome.kind, 'fault');
  });

  it('R2 waits between attempts where the connection stays: 1, 2, 4 … s, or as long as the server asked for', async () => {
    const { stage, call, clock } = givenRetries();
    const at: number[] = [];
    const faults = [fault('unavailable'), fault('unavailable'), rateLimited(5_000), answer];
    const done = stage(call, () => {
      at.push(clock.now());
      return Promise.resolve(faults[at.length - 1] ?? answer);
    });
    await clock.advance(30_000);
    assert.equal(await done, answer);
    assert.deepEqual(
      at.map((time) => time - (at[0] ?? 0)),
      [0, 1_000, 3_000, 8_000],
    );
  });

  it('R2 a connection that was closed is tried again at once, the first time', async () => {
    const { stage, call, clock } = givenRetries();
    const at: number[] = [];
    const done = stage(call, () => {
      at.push(clock.now());
      return Promise.resolve(fault('connectionReset'));
    });
    await clock.advance(3_000);
    assert.deepEqual(
      at.map((time) => time - (at[0] ?? 0)),
      [0, 0, 1_000, 3_000],
    );
    call.controller.abort(new Fault('cancelled', ''));
    await done;
  });

  it('R2.6 a wait ends at once when the call is cancelled, and leaves no timer', async () => {
    const { stage, call, clock } = givenRetries();
    const before = clock.pending;
    const done = stage(call, () => Promise.resolve(fault('unavailable')));
    await clock.advance(1);
    assert.equal(clock.pending, before + 1);
    call.controller.abort(new Fault('cancelled', ''));
    const outcome = await done;
    assert.ok(outcome.kind === 'fault' && outcome.fault.code === 'cancelled');
    assert.equal(clock.pending, before);
  });

  it('R2 does not wait for what would only begin after the deadline', async () => {
    const { stage, call } = givenRetries();
    const outcome = await stage(call, () => Promise.resolve(rateLimited(61_000)));
    assert.ok(outcome.kind === 'fault' && outcome.fault.retryAfterMs === 61_000);
  });
});

function rateLimited(retryAfterMs: number): Outcome {
  return { kind: 'fault', fault: new Fault('rateLimited', '', { retryAfterMs }) };
}

function givenRetries() {
  const clock = new FakeClock();
  const backoff = { baseMs: 1_000, maxMs: 60_000, jitterRatio: 0 };
  const stage = retryStage({
    maxRetries: 5,
    clock,
    random: () => 0.5,
    backoff,
    budget: new RetryBudget(),
    onRetry: () => undefined,
    onRefused: () => undefined,
  });
  const deadline = new Deadline(clock, { totalMs: 60_000, capMs: 600_000 }, () => undefined);
  const call = { ...callWith('safe'), deadline } as Call;
  return { clock, stage, call };
}

describe('pipeline', () => {
  it('runs its stages in order, and leaves out what is not configured', async () => {
    const seen: string[] = [];
    const stage =
      (name: string): Stage =>
      async (call, next) => {
        seen.push(name);
        return next(call);
      };
    const run = compose([stage('outer'), undefined, stage('inner')], () => Promise.resolve(answer));
    assert.equal(await run(callWith('safe')), answer);
    assert.deepEqual(seen, ['outer', 'inner']);
  });
});

describe('retry class', () => {
  const hints = { readOnly: false, idempotent: false };
  for (const [method, given, trusted, expected] of [
    ['tools/list', undefined, false, 'safe'],
    ['resources/subscribe', undefined, false, 'idempotent'],
    ['unknown/method', undefined, true, 'atMostOnce'],
    ['tools/call', undefined, true, 'atMostOnce'],
    ['tools/call', hints, true, 'atMostOnce'],
    ['tools/call', { ...hints, readOnly: true }, true, 'safe'],
    ['tools/call', { ...hints, readOnly: true }, false, 'atMostOnce'],
    ['tools/call', { ...hints, idempotent: true }, true, 'idempotent'],
  ] as const) {
    it(`R2.4 ${method} ${JSON.stringify(given)} ${trusted ? 'trusted' : 'not trusted'}: ${expected}`, () => {
      assert.equal(retryClassOf(method, given, trusted), expected);
    });
  }
});
