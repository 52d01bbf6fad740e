import assert from 'node:assert/strict';
import { Cancellation } from './cancellation.ts';

describe('cancellation', () => {
  it('R13.2 tells each listener once, with the first reason, and none that has left', () => {
    const cancellation = new Cancellation();
    const told: string[] = [];
    const leaver = (): void => void told.push('leaver');
    cancellation.signal.addEventListener('abort', () => told.push(`first ${String(cancellation.reason)}`), {
      once: true,
    });
    cancellation.signal.addEventListener('abort', leaver);
    cancellation.signal.removeEventListener('abort', leaver);

    assert.equal(cancellation.aborted, false);
    cancellation.abort('why');
    cancellation.abort('again');
    assert.deepEqual([cancellation.aborted, cancellation.reason, told], [true, 'why', ['first why']]);
    cancellation.signal.addEventListener('abort', () => assert.fail('told after the end'));
  });

  it('tells the others when one throws', () => {
    const cancellation = new Cancellation();
    let told = 0;
    cancellation.signal.addEventListener('abort', () => {
      throw new Error('broken');
    });
    cancellation.signal.addEventListener('abort', () => (told += 1));
    assert.throws(() => cancellation.abort('why'), AggregateError);
    assert.equal(told, 1);
  });

  it('does not tell a listener that another one has removed', () => {
    const cancellation = new Cancellation();
    const { signal } = cancellation;
    const second = (): void => assert.fail('told after it was removed');
    signal.addEventListener('abort', () => signal.removeEventListener('abort', second));
    signal.addEventListener('abort', second);
    cancellation.abort('why');
  });
});
