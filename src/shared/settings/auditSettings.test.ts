import assert from 'node:assert/strict';
import { DEFAULT_AUDIT_KEEP_DAYS, parseAudit } from './auditSettings.ts';

describe('settings of the audit trail', () => {
  const cases: readonly [unknown, boolean, number, string[]][] = [
    [true, true, DEFAULT_AUDIT_KEEP_DAYS, []],
    [false, false, DEFAULT_AUDIT_KEEP_DAYS, []],
    [{ enabled: true }, true, DEFAULT_AUDIT_KEEP_DAYS, []],
    [{ enabled: true, keepDays: 0 }, true, 0, []],
    [{ keepDays: 30 }, false, 30, []],
    ['yes', false, DEFAULT_AUDIT_KEEP_DAYS, ['audit']],
    [[], false, DEFAULT_AUDIT_KEEP_DAYS, ['audit']],
    [null, false, DEFAULT_AUDIT_KEEP_DAYS, ['audit']],
    [{ enabled: 1, keepDays: -1 }, false, DEFAULT_AUDIT_KEEP_DAYS, ['audit.enabled', 'audit.keepDays']],
    [
      { enabled: true, keepDays: 1.5, days: 1 },
      true,
      DEFAULT_AUDIT_KEEP_DAYS,
      ['audit.days', 'audit.keepDays'],
    ],
  ];
  for (const [value, enabled, keepDays, places] of cases)
    it(`R11.5 reads ${JSON.stringify(value)}`, () => {
      const told: string[] = [];
      assert.deepEqual(
        parseAudit(value, 'audit', (path) => told.push(path)),
        { enabled, keepDays },
      );
      assert.deepEqual(told, places);
    });
});
