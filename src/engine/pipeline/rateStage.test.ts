import assert from 'node:assert/strict';
import { FakeClock, settle } from '../../../test/support/fakeClock.ts';
import type { CancelController } from '../../shared/base/cancellation.ts';
import { Emitter } from '../../shared/base/emitter.ts';
import type { ConnectionState } from '../../shared/model/connectionState.ts';
import { Fault, type FaultCode } from '../../shared/model/fault.ts';
import { Breaker } from '../policies/breaker/breaker.ts';
import { Places } from '../policies/pool/places.ts';
import { RateLimiter } from '../policies/rateLimit/rateLimiter.ts';
import { Launch } from '../upstream/launch.ts';
import { Deadline, type Call, type Outcome } from './call.ts';
import { compose } from './pipeline.ts';
import { poolStage } from './poolStage.ts';
import { noteOverload, rateStage } from './rateStage.ts';

const answer: Outcome = { kind: 'answer', line: new Uint8Array(), isError: false };
const onListenerError = (error: unknown): void => assert.fail(String(error));
const launch = (): Launch => Object.create(Launch.prototype) as Launch;

/** A connection whose launch comes and goes as a test says. */
class FakeConnection {
  usableLaunch: Launch | undefined = launch();
  readonly #changed = new Emitter<ConnectionState>(onListenerError);
  #waiting: ((launch: Launch) => void)[] = [];

  get onDidChange(): Emitter<ConnectionState>['event'] {
    return this.#changed.event;
  }

  get listeners(): number {
    return this.#changed.listenerCount;
  }

  whenUsable(): Promise<Launch> {
    if (this.usableLaunch !== undefined) return Promise.resolve(this.usableLaunch);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  lose(): void {
    this.usableLaunch = undefined;
    this.#changed.fire('broken');
  }

  comeBack(): void {
    const fresh = launch();
    this.usableLaunch = fresh;
    this.#changed.fire('ready');
    for (const resolve of this.#waiting.splice(0)) resolve(fresh);
  }
}

/** The stages rate and pool, as they stand in the list of every call. */
function given(options: { max?: number; places?: number; deadlineMs?: number } = {}) {
  const clock = new FakeClock();
  const connection = new FakeConnection();
  const places = new Places(options.places ?? 10, () => clock.now());
  const limiter: RateLimiter = new RateLimiter({
    clock,
    cpuRatio: () => undefined,
    hasRoom: () => places.hasRoom,
    onChange: () => (places.onRoom = limiter.isActive ? () => limiter.roomMade() : undefined),
  });
  limiter.configure(options.max);
  const breaker = new Breaker(
    clock,
    { failureThreshold: 1, successThreshold: 1, recoveryTimeoutMs: 30_000 },
    onListenerError,
  );
  const begun: number[] = [];
  const ends = new Map<number, (outcome: Outcome) => void>();
  const run = (seq: number, method = 'tools/call', session = 's') => {
    const next = compose(
      [
        rateStage({ limiter, clock, connection, breaker, occupied: () => places.occupied }),
        poolStage({
          places: places.session(session),
          connection,
          breaker,
          typicalMs: () => 400,
          onOverload: (outcome) => noteOverload(limiter, outcome),
        }),
      ],
      (call) => {
        begun.push(call.seq);
        if (breaker.rejection() !== undefined) return Promise.resolve(fault('circuitOpen'));
        return new Promise((resolve) => ends.set(call.seq, resolve));
      },
    );
    const controller: CancelController = new AbortController();
    const deadline = new Deadline(clock, { totalMs: options.deadlineMs ?? 60_000, capMs: 600_000 }, () =>
      controller.abort(new Fault('requestTimeout', 'late')),
    );
    const call = {
      seq,
      session,
      method,
      server: 'x',
      attempts: 0,
      controller,
      deadline,
      waitsForPlace: false,
      waitedMs: 0,
    } as Call;
    const done = next(call).finally(() => deadline.dispose());
    return { call, done, controller };
  };
  const end = async (seq: number, outcome = answer): Promise<void> => {
    ends.get(seq)?.(outcome);
    await settle();
  };
  return { clock, limiter, places, connection, breaker, begun, run, end };
}

function fault(code: FaultCode, retryAfterMs?: number): Outcome {
  return {
    kind: 'fault',
    fault: new Fault(code, code, retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

async function codeOf(done: Promise<Outcome>): Promise<FaultCode | 'answer'> {
  const outcome = await done;
  return outcome.kind === 'answer' ? 'answer' : outcome.fault.code;
}

describe('rate stage', () => {
  it('R10.2 does nothing until there is a limit', async () => {
    const { run, begun, limiter, clock } = given({ places: 100 });
    for (let seq = 0; seq < 100; seq += 1) run(seq);
    await settle();
    assert.equal(begun.length, 100);
    assert.equal(limiter.isActive, false);
    assert.equal(limiter.state, undefined);
    assert.equal(clock.pending, 1, 'only one timer for all deadlines');
  });

  it('R10.2 lets as many go as a person allows, in a second', async () => {
    const { run, begun, clock } = given({ max: 10, places: 100 });
    for (let seq = 0; seq < 30; seq += 1) run(seq);
    await settle();
    assert.equal(begun.length, 2);
    await clock.advance(1_000);
    assert.equal(begun.length, 12);
    assert.deepEqual(
      begun,
      begun.toSorted((a, b) => a - b),
    );
  });

  for (const [what, outcome, isActive] of [
    ['429', fault('rateLimited'), true],
    ['503 with Retry-After', fault('unavailable', 1_000), true],
    ['503 without', fault('unavailable'), false],
    ['a reset', fault('connectionReset'), false],
    ['an answer', answer, false],
  ] as const) {
    it(`R10.2 ${what} ${isActive ? 'shows' : 'shows no'} limit`, async () => {
      const { run, end, limiter } = given();
      run(1);
      await end(1, outcome);
      assert.equal(limiter.isActive, isActive);
    });
  }

  it('R10.2 an error of JSON-RPC that speaks of load shows a limit', async () => {
    const { run, end, limiter } = given();
    run(1);
    const line = new TextEncoder().encode('{"error":{"code":-32005,"message":"Too many requests"}}');
    await end(1, { kind: 'answer', line, isError: true });
    assert.equal(limiter.isActive, true);
  });

  it('R10.2 when one is told to come back later, the others wait too', async () => {
    const { run, end, begun, clock, limiter } = given();
    run(1);
    await end(1, fault('rateLimited', 3_000));
    for (const seq of [2, 3, 4]) run(seq);
    await clock.advance(2_999);
    assert.deepEqual(begun, [1]);
    assert.equal(limiter.state?.queued, 3);
    await clock.advance(31);
    assert.deepEqual(begun, [1, 2, 3, 4]);
  });

  it('R10.2 a hold that meets calls of before it holds those after them', async () => {
    const { run, end, begun, clock } = given();
    run(1);
    run(2);
    await end(1, fault('rateLimited', 1_000));
    await end(2, fault('rateLimited', 5_000));
    run(3);
    await clock.advance(4_900);
    assert.deepEqual(begun, [1, 2]);
    await clock.advance(100);
    assert.deepEqual(begun, [1, 2, 3]);
  });

  it('R2.6 who is cancelled leaves the line at once, and takes no token', async () => {
    const { run, begun, clock, limiter, connection } = given({ max: 1 });
    run(1);
    run(2);
    const third = run(3);
    run(4);
    assert.equal(limiter.queued, 2);
    third.controller.abort(new Fault('cancelled', ''));
    assert.equal(await codeOf(third.done), 'cancelled');
    assert.equal(limiter.queued, 1);
    assert.equal(connection.listeners, 1);
    await clock.advance(1_000);
    assert.deepEqual(begun, [1, 2, 4]);
  });

  it('R10.1 who cannot begin before its deadline is refused at once, and told when to come back', async () => {
    const { run, limiter } = given({ max: 1, deadlineMs: 5_000 });
    for (let seq = 0; seq < 6; seq += 1) run(seq);
    const late = run(7);
    const outcome = await late.done;
    assert.ok(outcome.kind === 'fault');
    assert.equal(outcome.fault.code, 'overloaded');
    assert.ok((outcome.fault.retryAfterMs ?? 0) >= 5_000);
    assert.match(
      outcome.fault.message,
      /"x" takes no more than about 1 call a second .* it was not carried out/,
    );
    assert.equal(limiter.state?.rejected, 1);
  });

  it('R2.4 a later attempt that is refused is not told as if nothing had been done', async () => {
    const { run, connection } = given({ max: 1, deadlineMs: 5_000 });
    for (let seq = 0; seq < 7; seq += 1) run(seq);
    connection.lose();
    const late = run(8);
    late.call.attempts = 1;
    connection.comeBack();
    const outcome = await late.done;
    assert.ok(outcome.kind === 'fault');
    assert.match(outcome.fault.message, /may have been carried out/);
  });

  it('R10.1 who waits past its deadline leaves the line', async () => {
    const { run, clock, limiter } = given({ max: 10, places: 1, deadlineMs: 5_000 });
    run(1);
    const late = run(2);
    assert.equal(limiter.queued, 1);
    await clock.advance(5_000);
    assert.equal(await codeOf(late.done), 'requestTimeout');
    assert.equal(limiter.queued, 0);
    assert.equal(late.call.waitedMs, 5_000);
  });

  it('R10.1 who waits hears at once that the server does not want to be asked before the deadline', async () => {
    const { run, limiter, connection } = given({ max: 1, deadlineMs: 5_000 });
    run(1);
    run(2);
    const late = run(3);
    limiter.noteRefusal(30_000, 'It said 429.');
    const outcome = await late.done;
    assert.ok(outcome.kind === 'fault');
    assert.equal(outcome.fault.code, 'overloaded');
    assert.equal(outcome.fault.retryAfterMs, 30_000);
    assert.match(
      outcome.fault.message,
      /not carried out\. Its last refusal: It said 429\. Try again in 30 s/,
    );
    assert.deepEqual([limiter.queued, connection.listeners, late.call.waitsForPlace], [0, 0, false]);
  });

  it('R5.1 when the breaker opens, all who wait are refused at once', async () => {
    const { run, breaker, limiter } = given({ max: 1 });
    run(1);
    run(2);
    const third = run(3);
    const admission = breaker.admit();
    assert.ok(admission.kind === 'go');
    admission.ticket.failure();
    assert.equal(await codeOf(third.done), 'circuitOpen');
    assert.equal(limiter.queued, 0);
  });

  it('R2.5 who waits for a restart takes no token; then it is the order of arrival', async () => {
    const { run, begun, clock, connection, limiter } = given({ max: 1 });
    connection.lose();
    for (const seq of [1, 2, 3, 4]) run(seq);
    await clock.advance(10_000);
    assert.equal(limiter.queued, 0);
    assert.deepEqual(begun, []);
    connection.comeBack();
    await settle();
    assert.deepEqual(begun, [1, 2], 'no more than a full bucket');
    await clock.advance(2_000);
    assert.deepEqual(begun, [1, 2, 3, 4]);
  });

  it('R10.2 nobody holds a place while waiting for a token, nor takes a token without a place', async () => {
    const { run, end, begun, clock, places, limiter } = given({ max: 10, places: 1 });
    for (const seq of [1, 2, 3]) run(seq);
    await clock.advance(5_000);
    assert.deepEqual(begun, [1]);
    assert.deepEqual([places.occupied, places.queued, limiter.queued], [1, 0, 2]);
    await end(1);
    await end(2);
    assert.deepEqual(begun, [1, 2, 3], 'tokens that nobody took are there');
  });

  it('R10.1 a list comes before calls that wait', async () => {
    const { run, begun, clock } = given({ max: 1 });
    for (let seq = 1; seq <= 5; seq += 1) run(seq);
    run(6, 'tools/list');
    await clock.advance(1_000);
    await clock.advance(1_000);
    assert.ok(begun.includes(6), begun.join(' '));
  });

  it('R10.1 a ping never waits', async () => {
    const { run, begun } = given({ max: 1 });
    for (let seq = 1; seq <= 5; seq += 1) run(seq);
    run(6, 'ping');
    await settle();
    assert.deepEqual(begun, [1, 2, 6]);
  });

  it('R10.1 sessions take turns, whoever came first', async () => {
    const { run, begun, clock } = given({ max: 10, places: 100 });
    for (let seq = 1; seq <= 20; seq += 1) run(seq, 'tools/call', 'greedy');
    run(21, 'tools/call', 'modest');
    run(22, 'tools/call', 'modest');
    await clock.advance(400);
    assert.deepEqual(begun, [1, 2, 3, 21, 4, 22]);
  });

  it('R10.2 time in the line is not the server’s slowness', async () => {
    const { run, end, clock, limiter } = given({ max: 10 });
    for (let seq = 0; seq < 60; seq += 1) run(seq);
    for (let seq = 0; seq < 60; seq += 1) {
      await clock.advance(100);
      await end(seq);
    }
    assert.equal(limiter.state?.rate, 10);
  });
});
