import assert from 'node:assert/strict';
import { FakeClock, settle } from '../../../test/support/fakeClock.ts';
import { Fault } from '../../shared/model/fault.ts';
import { Breaker } from '../policies/breaker/breaker.ts';
import type { Launch } from '../upstream/launch.ts';
import { Outages } from '../upstream/outages.ts';
import type { Call, Outcome } from './call.ts';
import { guardStage } from './guardStage.ts';

function given() {
  const options = { failureThreshold: 3, successThreshold: 2, recoveryTimeoutMs: 30_000 };
  const breaker = new Breaker(new FakeClock(), options, () => undefined);
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
  const send = async (count: number): Promise<((outcome: Outcome) => void)[]> => {
    const ends: ((outcome: Outcome) => void)[] = [];
    for (let n = 0; n < count; n += 1) {
      const call = { server: 's', controller: new AbortController() } as unknown as Call;
      void guard(call, () => new Promise((resolve) => ends.push(resolve)));
    }
    await settle();
    return ends;
  };
  const fails = (code: 'connectionReset' | 'exited'): Outcome => ({
    kind: 'fault',
    fault: new Fault(code, ''),
  });
  return { breaker, launch, send, fails };
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
});
