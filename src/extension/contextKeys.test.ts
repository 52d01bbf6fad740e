import assert from 'node:assert/strict';
import { FakeClock } from '../../test/support/fakeClock.ts';
import { serverSnapshot, viewOf } from '../../test/support/healthBuilders.ts';
import { Emitter } from '../shared/base/emitter.ts';
import { keepContextKeys } from './contextKeys.ts';
import type { HealthView } from './health/healthView.ts';

describe('context keys', () => {
  it('R1.5 say whether there are servers, and only when that has changed', async () => {
    const clock = new FakeClock();
    const changed = new Emitter<HealthView>((error) => assert.fail(String(error)));
    const told: unknown[] = [];
    const model = { view: viewOf([]), onDidChange: changed.event };
    const keys = keepContextKeys(model, (...key) => told.push(key), clock);
    changed.fire(viewOf([serverSnapshot('a')]));
    assert.deepEqual(told, [], 'a step would never be checked off');
    await clock.advance(10_000);
    changed.fire(viewOf([serverSnapshot('a')]));
    changed.fire(viewOf([serverSnapshot('a', { state: 'crashLoop' })]));
    changed.fire(viewOf([]));
    assert.deepEqual(told, [
      ['mcpLifeline.hasServers', true],
      ['mcpLifeline.hasServers', false],
    ]);
    keys.dispose();
    changed.fire(viewOf([serverSnapshot('a')]));
    assert.equal(told.length, 2);
  });
});
