import assert from 'node:assert/strict';
import { FakeClock, settle } from '../../../test/support/fakeClock.ts';
import { Fault } from '../../shared/model/fault.ts';
import { toldFault } from '../gateway/faultAnswers.ts';
import { Breaker } from '../policies/breaker/breaker.ts';
import type { Launch } from '../upstream/launch.ts';
import { Outages } from '../upstream/outages.ts';
import { Deadline, type Call, type Outcome } from './call.ts';
import { guardStage } from './guardStage.ts';

function given() {
  const options = { failureThreshold: 3, successThreshold: 2, recoveryTimeoutMs: 30_000 };
  const clock = new FakeClock();
  const breaker = new Breaker(clock, options, () => undefined);
  let lossCounted = false;
  const launch = {
    outages: new Outages(),
    hasEnded: false,
    countLoss: () => !lossCounted && (lossCounted = true),
  };
  const guard = guardStage(
    { whenUsable: () => Promise.resolve(launch as unknown as Launch) },
    breaker,
    () => undefined,
  );
  /** Calls that are at the server; each ends when it is told how. */
  const send = async (count: number, waitedMs = 0): Promise<((outcome: Outcome) => void)[]> => {
    const ends: ((outcome: Outcome) => void)[] = [];
    for (let n = 0; n < count; n += 1) {
      const deadline = new Deadline(clock, { totalMs: 60_000, capMs: 600_000 }, () => undefined);
      const controller = new AbortController();
      const call = { server: 's', controller, deadline, waitedMs } as unknown as Call;
      void guard(call, () => new Promise((resolve) => ends.push(resolve)));
    }
    await settle();
    return ends;
  };
  const fails = (code: 'connectionReset' | 'exited' | 'requestTimeout'): Outcome => ({
    kind: 'fault',
    fault: new Fault(code, ''),
  });
  return { clock, breaker, launch, send, fails };
}

describe('what the breaker is told', () => {
  it('R2.5 a session that is lost under many calls is one failure, also when the first of them saw only their connection cut', async () => {
    const { breaker, launch, send, fails } = given();
    const ends = await send(12);
    for (const end of ends.splice(0, 6)) end(fails('connectionReset'));
    await settle();
    // The next request found out that the server does not know the session any more.
    launch.hasEnded = true;
    for (const end of ends) end(fails('connectionReset'));
    await settle();
    assert.equal(breaker.failures, 1);
  });

  it('R2.5 a second outage of the same session is a second failure', async () => {
    const { breaker, send, fails } = given();
    for (let outage = 1; outage <= 2; outage += 1) {
      for (const end of await send(5)) end(fails('connectionReset'));
      await settle();
      assert.equal(breaker.failures, outage);
    }
  });

  it('R2.5 a process that is lost with its calls is one failure', async () => {
    const { breaker, launch, send, fails } = given();
    const ends = await send(5);
    launch.hasEnded = true;
    for (const end of ends) end(fails('exited'));
    await settle();
    assert.equal(breaker.failures, 1);
  });

  it('R5.1 a call whose time went into waiting behind others says nothing of the server when it is late', async () => {
    const { clock, breaker, send, fails } = given();
    const waited = await send(5, 54_000);
    await clock.advance(6_000);
    for (const end of waited) end(fails('requestTimeout'));
    await settle();
    assert.deepEqual([breaker.failures, breaker.state], [0, 'closed']);
    const served = await send(3, 6_000);
    await clock.advance(54_000);
    for (const end of served) end(fails('requestTimeout'));
    await settle();
    assert.deepEqual([breaker.failures, breaker.state], [3, 'open']);
  });
});

describe('what a call is told that is held back', () => {
  it('R2.4 R2.5 nothing that another call was told of its own outcome', async () => {
    const failed = new Fault(
      'requestTimeout',
      'The MCP server "s" did not answer the tool "pay" within 5 s.',
      {
        server: 's',
      },
    );
    const before = { server: 's', tool: 'pay', method: 'tools/call', callId: 'c1', attempts: 1 };
    const told = [
      toldFault({ ...before, delivery: 'written', retryClass: 'atMostOnce' } as Call, failed),
      toldFault(
        { ...before, attempts: 0, delivery: 'queued', retryClass: 'safe' } as Call,
        new Fault('connectionRefused', 'Nobody listens there.', { server: 's' }),
      ),
    ];
    for (const last of told) {
      const breaker = new Breaker(
        new FakeClock(),
        { failureThreshold: 1, successThreshold: 1, recoveryTimeoutMs: 30_000 },
        () => undefined,
      );
      const admission = breaker.admit();
      assert.ok(admission.kind === 'go');
      admission.ticket.failure();
      const guard = guardStage({ whenUsable: () => Promise.reject(new Error('never')) }, breaker, () => last);
      const call = { server: 's', method: 'tools/call', tool: 'read' } as Call;
      const outcome = await guard(call, () => Promise.reject(new Error('never')));
      assert.ok(outcome.kind === 'fault');
      const { message, diagnosis = '' } = outcome.fault;
      assert.match(message, /The call was not carried out\. The last failure, of another call: \S/);
      for (const text of [message.replace('The call was not carried out.', ''), diagnosis])
        assert.doesNotMatch(text, /carried out|Verify|handed to the server/);
      assert.match(diagnosis, /did not answer the tool "pay"|Nobody listens there/);
    }
  });
});
