import assert from 'node:assert/strict';
import { Fault } from '../../shared/model/fault.ts';
import type { Call } from '../pipeline/call.ts';
import type { Launch } from './launch.ts';
import { WaitingCalls } from './waitingCalls.ts';

/** A call whose signal counts who listens to it. */
function countedCall(seq: number): {
  readonly call: Pick<Call, 'seq' | 'controller'>;
  readonly listeners: () => number;
} {
  const controller = new AbortController();
  const { signal } = controller;
  const listening = new Set<unknown>();
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listening.add(args[1]);
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listening.delete(args[1]);
    remove(...args);
  };
  return { call: { seq, controller }, listeners: () => listening.size };
}

describe('calls that wait for a connection', () => {
  it('R2.6 end at once when they are cancelled, also before they begin, and leave nothing behind', async () => {
    const waiting = new WaitingCalls();
    const [first, second, late] = [countedCall(1), countedCall(2), countedCall(3)];
    const ends = [first, second].map(({ call }) => waiting.wait(call));
    assert.equal(waiting.size, 2);
    const cancelled = new Fault('cancelled', 'The client cancelled the request.');
    first.call.controller.abort(cancelled);
    assert.equal(waiting.size, 1);
    await assert.rejects(ends[0] ?? Promise.resolve(), cancelled);
    late.call.controller.abort(cancelled);
    await assert.rejects(waiting.wait(late.call), cancelled);
    second.call.controller.abort(cancelled);
    await assert.rejects(ends[1] ?? Promise.resolve(), cancelled);
    assert.equal(waiting.size, 0);
    // A listener that was called once is gone by itself; the others are taken off.
    assert.equal(late.listeners(), 0);
  });

  it('R2.5 are served in order of arrival, and leave nothing at their signals', async () => {
    const waiting = new WaitingCalls();
    const calls = [3, 1, 2].map((seq) => countedCall(seq));
    const served: number[] = [];
    const ends = calls.map(({ call }) => waiting.wait(call).then(() => served.push(call.seq)));
    waiting.resolveAll({} as unknown as Launch);
    await Promise.all(ends);
    assert.deepEqual(served, [1, 2, 3]);
    assert.deepEqual(
      calls.map(({ listeners }) => listeners()),
      [0, 0, 0],
    );
    assert.equal(waiting.size, 0);
  });
});
