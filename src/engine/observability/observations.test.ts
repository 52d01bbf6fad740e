import assert from 'node:assert/strict';
import { Observations, type ObservedCall } from './observations.ts';

const call: ObservedCall = {
  session: 's',
  server: 'files',
  method: 'tools/call',
  tool: 'read',
  callId: 'c1',
  retryClass: 'safe',
  attempts: 1,
  startedAt: 0,
  waitedMs: 0,
  line: Buffer.from('{}'),
};

describe('Observations', () => {
  it('R11.1 tells every observer, also after one that throws', () => {
    const errors: unknown[] = [];
    const seen: string[] = [];
    const observations = new Observations((error) => errors.push(error));
    const boom = new Error('an observer with a bug');
    observations.add({
      onCall: () => {
        throw boom;
      },
      onEvent: () => {
        throw boom;
      },
    });
    observations.add({
      onCall: ({ callId }, outcome) => seen.push(`${callId} ${outcome}`),
      onEvent: ({ kind }) => seen.push(kind),
    });
    observations.callEnded(call, 'ok', undefined);
    observations.note({ kind: 'breaker', server: 'files', state: 'open' });
    assert.deepEqual(seen, ['c1 ok', 'breaker']);
    assert.deepEqual(errors, [boom, boom]);
  });

  it('R11.1 tells an observer nothing more when it has left, also in the middle of telling', () => {
    const seen: string[] = [];
    const observations = new Observations((error) => seen.push(String(error)));
    const leaving = observations.add({
      onCall: () => {
        seen.push('first');
        leaving.dispose();
      },
    });
    observations.add({ onCall: () => seen.push('second') });
    observations.callEnded(call, 'ok', undefined);
    observations.callEnded(call, 'ok', undefined);
    assert.deepEqual(seen, ['first', 'second', 'second']);
  });
});
