import assert from 'node:assert/strict';
import { FakeClock } from '../../../test/support/fakeClock.ts';
import type { Disposable } from '../../shared/base/disposable.ts';
import type { Tier } from '../../shared/model/tier.ts';
import { StartGate } from './startGate.ts';

function given(atOnce: number) {
  const clock = new FakeClock();
  const gate = new StartGate(clock, atOnce);
  const started: string[] = [];
  const places = new Map<string, Disposable>();
  const enter = (name: string, tier: Tier = 'medium', isAwaited = () => false): void => {
    places.set(name, gate.enter({ tier, isAwaited, go: () => started.push(name) }));
  };
  const leave = (name: string): void => places.get(name)?.dispose();
  return { clock, gate, started, enter, leave };
}

describe('start gate', () => {
  it('R5.4 lets a few through at once, then critical before high before medium, then by arrival', () => {
    const { started, enter, leave, gate } = given(2);
    enter('first');
    enter('second');
    assert.deepEqual(started, ['first', 'second']);
    enter('m1');
    enter('h1', 'high');
    enter('m2');
    enter('c1', 'critical');
    enter('h2', 'high');
    assert.equal(started.length, 2);
    for (const name of ['first', 'second', 'c1', 'h1', 'h2', 'm1', 'm2']) leave(name);
    assert.deepEqual(started.slice(2), ['c1', 'h1', 'h2', 'm1', 'm2']);
    assert.deepEqual([gate.taken, gate.waiting], [0, 0]);
  });

  it('R5.4 what a call waits for goes before what nobody waits for; asked when a place is free', () => {
    const { started, enter, leave } = given(1);
    let isAwaited = false;
    enter('first');
    enter('critical', 'critical');
    enter('medium', 'medium', () => isAwaited);
    isAwaited = true;
    leave('first');
    assert.deepEqual(started, ['first', 'medium']);
  });

  it('R5.4 a start that takes long gives its place to another, and gives it back only once', async () => {
    const { clock, gate, started, enter, leave } = given(1);
    enter('hung');
    enter('next');
    enter('last');
    await clock.advance(1_999);
    assert.deepEqual(started, ['hung']);
    await clock.advance(1);
    assert.deepEqual(started, ['hung', 'next']);
    leave('hung');
    assert.equal(gate.taken, 1, 'its place is long the next one’s');
    leave('next');
    leave('next');
    assert.deepEqual(started, ['hung', 'next', 'last']);
    leave('last');
    assert.equal(clock.pending, 0);
  });

  it('one that leaves the queue is not started, and one that is over at once keeps no place', () => {
    const { clock, gate, started, enter, leave } = given(1);
    enter('first');
    enter('gone');
    leave('gone');
    leave('first');
    assert.deepEqual(started, ['first']);
    const over: { handle?: Disposable } = {};
    enter('busy');
    over.handle = gate.enter({ tier: 'high', isAwaited: () => false, go: () => over.handle?.dispose() });
    leave('busy');
    assert.deepEqual([gate.taken, gate.waiting, clock.pending], [0, 0, 0]);
  });
});
