import assert from 'node:assert/strict';
import { serverSnapshot, viewOf } from '../../test/support/healthBuilders.ts';
import { Emitter } from '../shared/base/emitter.ts';
import { keepContextKeys } from './contextKeys.ts';
import type { HealthView } from './health/healthView.ts';

describe('context keys', () => {
  it('R1.5 say whether there are servers, and only when that has changed', () => {
    const changed = new Emitter<HealthView>((error) => assert.fail(String(error)));
    const told: unknown[] = [];
    const model = { view: viewOf([]), onDidChange: changed.event };
    const keys = keepContextKeys(model, (...key) => told.push(key));
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
