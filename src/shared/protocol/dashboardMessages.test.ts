import assert from 'node:assert/strict';
import { parsePageMessage } from './dashboardMessages.ts';

describe('messages of the dashboard', () => {
  it('are taken when they are what the page sends', () => {
    for (const message of [
      { kind: 'ready' },
      { kind: 'ready', range: '7d' },
      { kind: 'range', range: '1h' },
      { kind: 'forceRecovery', server: 'a' },
      { kind: 'showLog', server: 'a' },
      { kind: 'forceRecoveryAll' },
      { kind: 'notice', action: 'openSettings' },
      { kind: 'act', action: 'freePort', server: 'a', ask: 7 },
    ]) {
      assert.deepEqual(parsePageMessage(message), message);
    }
  });

  it('are dropped when they are anything else', () => {
    for (const garbage of [
      undefined,
      null,
      'ready',
      [],
      {},
      { kind: 'eval', code: 'x' },
      { kind: 'forceRecovery' },
      { kind: 'range' },
      { kind: 'range', range: '9y' },
      { kind: 'forceRecovery', server: '' },
      { kind: 'forceRecovery', server: 7 },
      { kind: 'forceRecovery', server: 'x'.repeat(257) },
      { kind: 'showLog', server: 'a', command: 'workbench.action.quit' },
      { kind: 'notice', action: 'workbench.action.quit' },
      { kind: 'act', action: 'constructor', server: 'a' },
      { kind: 'forceRecoveryAll', ask: -1 },
      { kind: 'forceRecoveryAll', ask: 1.5 },
      { kind: 'forceRecoveryAll', ask: '1' },
      { kind: 'forceRecovery', server: { toString: () => 'a' } },
      { kind: ['forceRecoveryAll'] },
      { kind: '__proto__' },
    ]) {
      assert.equal(parsePageMessage(garbage), undefined, JSON.stringify(garbage));
    }
  });
});
