import assert from 'node:assert/strict';
import { Fault, type FaultCode } from '../../../shared/model/fault.ts';
import { CallCounters } from './callCounters.ts';

/** What a counter holds that is not the same for every failed call. */
function failedWith(code: FaultCode, cause?: FaultCode): string[] {
  const counters = new CallCounters();
  counters.began();
  const options = cause === undefined ? undefined : { cause: new Fault(cause, 'x') };
  counters.ended({ kind: 'failed', fault: new Fault(code, 'x', options) });
  const { total, open, successful, failed, cancelled, ...others } = counters;
  assert.deepEqual([total, open, successful, failed, cancelled], [1, 0, 0, 1, 0]);
  return Object.entries(others).flatMap(([name, count]) => (count === 1 ? [name] : []));
}

describe('counters of calls', () => {
  it('R11.1 tell a lost connection, a time limit and an unknown outcome from other failures', () => {
    for (const code of ['exited', 'brokenPipe', 'connectionReset'] as const)
      assert.deepEqual(failedWith(code), ['brokenPipe'], code);
    for (const code of ['requestTimeout', 'readTimeout', 'connectTimeout', 'startTimeout'] as const)
      assert.ok(failedWith(code).includes('timeouts'), code);
    assert.deepEqual(failedWith('requestTimeout'), ['timeouts']);
    assert.deepEqual(failedWith('overloaded'), []);
    assert.deepEqual(failedWith('outcomeUnknown'), ['outcomeUnknown']);
  });

  it('R11.1 count what lies behind an unknown outcome', () => {
    assert.deepEqual(failedWith('outcomeUnknown', 'exited'), ['brokenPipe', 'outcomeUnknown']);
    assert.deepEqual(failedWith('outcomeUnknown', 'requestTimeout'), ['timeouts', 'outcomeUnknown']);
  });

  it('R11.1 count answers from memory as successes, and among them', () => {
    const counters = new CallCounters();
    for (const kind of ['answered', 'stale', 'remembered', 'cancelled'] as const) {
      counters.began();
      counters.ended({ kind });
    }
    const { total, open, successful, stale, remembered, cancelled, failed } = counters;
    assert.deepEqual([total, open, successful, stale, remembered, cancelled, failed], [4, 0, 3, 1, 1, 1, 0]);
  });
});
