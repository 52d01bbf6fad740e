/** An audit trail that no engine goes on with is kept so many days; 0: for ever. */
export const DEFAULT_AUDIT_KEEP_DAYS = 180;
export const MAX_AUDIT_KEEP_DAYS = 36_500;

export interface AuditSettings {
  readonly enabled: boolean;
  readonly keepDays: number;
}

type Report = (path: string, message: string) => void;

/** `lifeline.audit` of a configuration file: `true`, `false`, or both values in an object. */
export function parseAudit(value: unknown, path: string, report: Report): AuditSettings {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { enabled: parseEnabled(value, path, report), keepDays: DEFAULT_AUDIT_KEEP_DAYS };
  const { enabled, keepDays, ...others } = value as Record<string, unknown>;
  for (const key of Object.keys(others).slice(0, 100))
    report(`${path}.${key.slice(0, 64)}`, 'is not a known setting; it is ignored');
  return {
    enabled: parseEnabled(enabled, `${path}.enabled`, report),
    keepDays: parseKeepDays(keepDays, `${path}.keepDays`, report),
  };
}

function parseEnabled(value: unknown, path: string, report: Report): boolean {
  if (value !== undefined && typeof value !== 'boolean') report(path, 'must be true or false; false is used');
  return value === true;
}

/** Days that an unused trail is kept; the default where the value cannot be used. */
export function parseKeepDays(value: unknown, path: string, report: Report): number {
  const isUsable =
    typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_AUDIT_KEEP_DAYS;
  if (isUsable) return value;
  if (value !== undefined)
    report(
      path,
      `must be a whole number of days from 0 (for ever) to ${MAX_AUDIT_KEEP_DAYS}; ${DEFAULT_AUDIT_KEEP_DAYS} is used`,
    );
  return DEFAULT_AUDIT_KEEP_DAYS;
}
