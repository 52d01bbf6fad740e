import assert from 'node:assert/strict';
import { FakeClock, settle } from '../../../test/support/fakeClock.ts';
import type { CancelController } from '../../shared/base/cancellation.ts';
import { Emitter } from '../../shared/base/emitter.ts';
import type { ConnectionState } from '../../shared/model/connectionState.ts';
import { Fault, type FaultCode } from '../../shared/model/fault.ts';
import { timeoutFault } from '../gateway/faultAnswers.ts';
import { Breaker } from '../policies/breaker/breaker.ts';
import { Places } from '../policies/pool/places.ts';
import { Launch } from '../upstream/launch.ts';
import { Deadline, type Call, type Outcome } from './call.ts';
import { loadSignalOf, poolStage } from './poolStage.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const answer: Outcome = { kind: 'answer', line: new Uint8Array(), isError: false };
const onListenerError = (error: unknown): void => assert.fail(String(error));

// Nothing of it is looked at here.
const launch = (): Launch => Object.create(Launch.prototype) as Launch;

/** A connection whose launch comes and goes as a test says. */
class FakeConnection {
  usableLaunch: Launch | undefined = launch();
  readonly #changed = new Emitter<ConnectionState>(onListenerError);
  #waiting: { readonly seq: number; readonly resolve: (launch: Launch) => void }[] = [];
  refusal: Fault | undefined;

  get onDidChange(): Emitter<ConnectionState>['event'] {
    return this.#changed.event;
  }

  get listeners(): number {
    return this.#changed.listenerCount;
  }

  whenUsable(call: Call): Promise<Launch> {
    if (this.usableLaunch !== undefined) return Promise.resolve(this.usableLaunch);
    if (this.refusal !== undefined) return Promise.reject(this.refusal);
    return new Promise((resolve) => this.#waiting.push({ seq: call.seq, resolve }));
  }

  lose(refusal?: Fault): void {
    this.usableLaunch = undefined;
    this.refusal = refusal;
    this.#changed.fire(refusal === undefined ? 'broken' : 'crashLoop');
  }

  comeBack(): void {
    const fresh = launch();
    this.usableLaunch = fresh;
    this.#changed.fire('ready');
    const waiting = this.#waiting.sort((a, b) => a.seq - b.seq);
    this.#waiting = [];
    for (const one of waiting) one.resolve(fresh);
  }
}

function given(max: number) {
  const clock = new FakeClock();
  const places = new Places(max, () => clock.now());
  const connection = new FakeConnection();
  const breaker = new Breaker(
    clock,
    { failureThreshold: 1, successThreshold: 1, recoveryTimeoutMs: 30_000 },
    onListenerError,
  );
  const stage = poolStage({ places: places.session('s'), connection, breaker, typicalMs: () => 400 });
  const begun: number[] = [];
  const ends = new Map<number, (outcome: Outcome) => void>();
  const run = (seq: number, method = 'tools/call', attempts = 0) => {
    const controller: CancelController = new AbortController();
    const deadline = new Deadline(clock, { totalMs: 60_000, capMs: 600_000 }, () => undefined);
    const call = {
      seq,
      method,
      attempts,
      server: 'x',
      controller,
      deadline,
      waitsForPlace: false,
      waitedMs: 0,
    } as Call;
    const done = stage(call, () => {
      begun.push(seq);
      const rejection = breaker.rejection();
      if (rejection !== undefined) return Promise.resolve(fault('circuitOpen'));
      return new Promise((resolve) => ends.set(seq, resolve));
    });
    return { call, done, controller };
  };
  const end = async (seq: number, outcome = answer): Promise<void> => {
    ends.get(seq)?.(outcome);
    await settle();
  };
  return { clock, places, connection, breaker, begun, run, end };
}

function fault(code: FaultCode): Outcome {
  return { kind: 'fault', fault: new Fault(code, code) };
}

async function codeOf(done: Promise<Outcome>): Promise<FaultCode | 'answer'> {
  const outcome = await done;
  return outcome.kind === 'answer' ? 'answer' : outcome.fault.code;
}

describe('pool stage', () => {
  it('R4.1 lets as many calls at the server as there are places, the others in their order', async () => {
    const { begun, run, end, places } = given(2);
    for (const seq of [1, 2, 3, 4]) run(seq);
    await settle();
    assert.deepEqual(begun, [1, 2]);
    await end(2);
    assert.deepEqual(begun, [1, 2, 3]);
    await end(1);
    assert.deepEqual(begun, [1, 2, 3, 4]);
    assert.equal(places.occupied, 2);
  });

  for (const method of ['tools/list', 'ping', 'logging/setLevel', 'resources/subscribe', 'tasks/cancel']) {
    it(`R4.1 ${method} never waits behind calls`, () => {
      const { begun, run } = given(1);
      run(1);
      run(2, method);
      assert.deepEqual(begun, [1, 2]);
    });
  }

  it('R2.6 a cancelled call leaves at once, and leaves nothing behind', async () => {
    const { clock, run, places, connection, begun, end } = given(1);
    run(1);
    const { done, controller, call } = run(2);
    await settle();
    assert.deepEqual([places.queued, call.waitsForPlace, connection.listeners], [1, true, 1]);
    await clock.advance(700);
    controller.abort(new Fault('cancelled', ''));
    assert.deepEqual([places.queued, connection.listeners], [0, 0]);
    assert.equal(call.waitedMs, 700);
    assert.equal(await codeOf(done), 'cancelled');
    await end(1);
    assert.deepEqual([begun, places.occupied], [[1], 0]);
  });

  it('R4.1 one more than may wait is told so: not carried out, and when to come back', async () => {
    const { run, begun } = given(1);
    for (let seq = 0; seq <= Places.maxQueued; seq += 1) run(seq);
    const outcome = await run(1_000).done;
    assert.ok(outcome.kind === 'fault');
    assert.equal(outcome.fault.code, 'overloaded');
    assert.match(outcome.fault.message, /"x" is busy .* was not carried out/);
    assert.equal(outcome.fault.retryAfterMs, 4_000);
    assert.deepEqual(begun, [0]);
  });

  it('R2.4 a later attempt that finds no place is not told as if nothing had been done', async () => {
    const { run } = given(1);
    for (let seq = 0; seq <= Places.maxQueued; seq += 1) run(seq);
    const { call, done } = run(1_000, 'tools/call', 1);
    const outcome = await done;
    assert.ok(outcome.kind === 'fault');
    assert.doesNotMatch(outcome.fault.message, /was not carried out/);
    assert.match(outcome.fault.message, /may have carried out, is not tried again/);
    call.waitsForPlace = true;
    assert.match(timeoutFault(call, 1, '').message, /may have been carried out/);
  });

  it('R5.1 nobody waits in the line for a refusal: when the breaker opens, all are refused at once', async () => {
    const { run, breaker, places } = given(1);
    run(1);
    const waiting = [run(2), run(3)];
    await settle();
    const admission = breaker.admit();
    if (admission.kind === 'go') admission.ticket.failure();
    assert.deepEqual(await Promise.all(waiting.map(({ done }) => codeOf(done))), [
      'circuitOpen',
      'circuitOpen',
    ]);
    assert.equal(await codeOf(run(4).done), 'circuitOpen');
    assert.deepEqual([places.queued, places.occupied], [0, 1]);
  });

  it('R2.5 who waits for a restart holds no place; then all go on in the order they came', async () => {
    const { run, connection, places, begun, end } = given(2);
    for (const seq of [1, 2, 3, 4]) run(seq);
    await settle();
    connection.lose();
    await settle();
    assert.equal(places.queued, 0);
    await end(2, fault('exited'));
    await end(1, fault('exited'));
    assert.equal(places.occupied, 0);
    // Tried again: they are older than those that waited, and go first.
    run(2);
    run(1);
    run(5);
    await settle();
    connection.comeBack();
    await settle();
    run(6);
    assert.deepEqual(begun, [1, 2, 1, 2]);
    await end(1);
    await end(2);
    assert.deepEqual(begun.slice(4), [3, 4]);
    await end(3);
    await end(4);
    assert.deepEqual(begun.slice(6), [5, 6]);
  });

  it('R2.5 a server that is given up fails those who wait for a place at once', async () => {
    const { run, connection, places } = given(1);
    run(1);
    const { done } = run(2);
    await settle();
    connection.lose(new Fault('crashLoop', ''));
    assert.equal(await codeOf(done), 'crashLoop');
    assert.equal(places.queued, 0);
  });

  it('R5.8 overload answers lower the limit, and the place is free for the next one', async () => {
    const { run, end, places, begun } = given(10);
    for (let seq = 0; seq < 12; seq += 1) run(seq);
    await end(0, fault('rateLimited'));
    assert.equal(places.limit, 7);
    for (const seq of [1, 2, 3, 4]) await end(seq);
    assert.deepEqual([places.occupied, begun.length, places.queued], [7, 12, 0]);
  });

  for (const [what, outcome, expected] of [
    ['an answer', answer, 'answered'],
    [
      'a tool error that speaks of load',
      errorLine('{"code":-32602,"message":"too many arguments"}'),
      'answered',
    ],
    ['a busy server', errorLine('{"code":-32000,"message":"Server busy, try again later"}'), 'overload'],
    ['an error of its own', errorLine('{"code":-32000,"message":"no such file"}'), 'answered'],
    ['429', fault('rateLimited'), 'overload'],
    ['503', fault('unavailable'), 'overload'],
    ['a call past its deadline', fault('requestTimeout'), 'late'],
    ['a lost process', fault('exited'), 'lost'],
    ['a cancelled call', fault('cancelled'), 'nothing'],
    ['a refusal', fault('circuitOpen'), 'nothing'],
  ] as const) {
    it(`R5.8 ${what} is taken for: ${expected}`, () => assert.equal(loadSignalOf(outcome), expected));
  }
});

function errorLine(error: string): Outcome {
  return { kind: 'answer', line: bytes(`{"jsonrpc":"2.0","id":1,"error":${error}}`), isError: true };
}
