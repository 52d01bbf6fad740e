import type { SettingsProblem } from '../model/snapshot.ts';

/**
 * What an alert is raised for, and when (requirements R11.3): one table that holds each rule's values with default, limits and unit. The manifest, the
 * documentation and the parser are all compared with or made from it.
 */

export interface AlertValueSpec {
  readonly default: number;
  readonly minimum: number;
  readonly maximum: number;
  readonly integer?: boolean;
  readonly unit: 'seconds' | 'count' | 'percent' | 'index';
}

interface AlertRuleSpec {
  /** `server`: looked at for each server, whose entry may set it otherwise. `engine`: there is one for all. */
  readonly scope: 'server' | 'engine';
  readonly values: Readonly<Record<string, AlertValueSpec>>;
}

export const alertRuleSpecs = {
  /** Calls that a lost process or connection has cut off, in a window. */
  brokenPipes: {
    scope: 'server',
    values: {
      threshold: { default: 5, minimum: 1, maximum: 1_000, integer: true, unit: 'count' },
      window: { default: 60, minimum: 10, maximum: 3_600, unit: 'seconds' },
    },
  },
  breakerOpen: {
    scope: 'server',
    values: { for: { default: 0, minimum: 0, maximum: 3_600, unit: 'seconds' } },
  },
  /**
   * Of the calls that were sent to the server, how many were sent more than once. Twenty calls: of a server where one in ten has to be repeated, more
   * than 30 % of twenty are in one window of 400 (binomial, P = 0.0024), of ten in one of 78; and one where half have to is noticed with 94 %.
   */
  retryRate: {
    scope: 'server',
    values: {
      threshold: { default: 30, minimum: 1, maximum: 100, unit: 'percent' },
      window: { default: 300, minimum: 10, maximum: 3_600, unit: 'seconds' },
      minimumCalls: { default: 20, minimum: 1, maximum: 10_000, integer: true, unit: 'count' },
    },
  },
  crashLoop: { scope: 'server', values: {} },
  /** The threshold is the watched value's own. */
  watchedValue: { scope: 'server', values: {} },
  needsSignIn: { scope: 'server', values: {} },
  /** Φ, the share of the enabled servers' time that is usable. */
  continuity: {
    scope: 'engine',
    values: {
      threshold: { default: 0.95, minimum: 0, maximum: 1, unit: 'index' },
      for: { default: 60, minimum: 0, maximum: 3_600, unit: 'seconds' },
    },
  },
  auditTrail: { scope: 'engine', values: {} },
  journal: { scope: 'engine', values: {} },
} as const satisfies Record<string, AlertRuleSpec>;

type Specs = typeof alertRuleSpecs;
export type AlertRuleId = keyof Specs;

/** Values in the units of the table. */
export type AlertSettings = {
  readonly [Rule in AlertRuleId]: { readonly enabled: boolean } & {
    readonly [Name in keyof Specs[Rule]['values']]: number;
  };
};

export const alertRuleIds = Object.keys(alertRuleSpecs) as AlertRuleId[];

/** One place that may set values, strongest first in a list. `path` is what a problem is reported under. */
export interface AlertLayer {
  readonly path: string;
  /** By rule, as written; `undefined` where nothing is set. */
  readonly values: unknown;
  /** A server's own entry: rules for the whole engine have no place there. */
  readonly isServer?: boolean;
}

const MAX_UNKNOWN = 20;
const MAX_KEY = 64;

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const specOf = (rule: AlertRuleId): AlertRuleSpec => alertRuleSpecs[rule];

/**
 * Reads the layers, strongest first; a value that is not usable is reported at its place and the default used, never a weaker layer's (requirements R2.2).
 * Never throws; what is not known is reported and ignored.
 */
export function parseAlertSettings(layers: readonly AlertLayer[]): {
  readonly settings: AlertSettings;
  readonly problems: readonly SettingsProblem[];
} {
  const problems: SettingsProblem[] = [];
  const report = (path: string, message: string): void => void problems.push({ path, message });
  const read = layers.map((layer) => ({ layer, rules: readLayer(layer, report) }));
  const settings: Record<string, Record<string, number | boolean>> = {};
  for (const rule of alertRuleIds) {
    const values: Record<string, number | boolean> = { enabled: true };
    for (const name of ['enabled', ...Object.keys(specOf(rule).values)]) {
      const spec = specOf(rule).values[name];
      if (spec !== undefined) values[name] = spec.default;
      const strongest = read.find(({ rules }) => rules.get(rule)?.[name] !== undefined);
      if (strongest === undefined) continue;
      const value = strongest.rules.get(rule)?.[name];
      const problem = spec === undefined ? checkFlag(value) : checkValue(spec, value);
      if (problem === undefined) values[name] = value as number | boolean;
      else report(`${strongest.layer.path}.${rule}.${name}`, problem);
    }
    settings[rule] = values;
  }
  return { settings: settings as unknown as AlertSettings, problems };
}

/** What a layer says of each rule, without what has no place there. */
function readLayer(
  { path, values, isServer = false }: AlertLayer,
  report: (path: string, message: string) => void,
): ReadonlyMap<AlertRuleId, Readonly<Record<string, unknown>>> {
  const rules = new Map<AlertRuleId, Record<string, unknown>>();
  if (values === undefined) return rules;
  if (!isRecord(values)) {
    report(path, 'must be an object of alert rules; it is ignored');
    return rules;
  }
  reportUnknown(values, alertRuleIds, (key) =>
    report(`${path}.${key}`, 'is not a known alert; it is ignored'),
  );
  for (const rule of alertRuleIds) {
    const given = Object.hasOwn(values, rule) ? values[rule] : undefined;
    if (given === undefined) continue;
    const place = `${path}.${rule}`;
    if (isServer && specOf(rule).scope === 'engine')
      report(place, 'is about all servers, and cannot be set for one; it is ignored');
    else if (!isRecord(given)) report(place, 'must be an object; it is ignored');
    else {
      const names = ['enabled', ...Object.keys(specOf(rule).values)];
      reportUnknown(given, names, (key) =>
        report(`${place}.${key}`, 'is not a known setting; it is ignored'),
      );
      rules.set(rule, Object.fromEntries(names.map((name) => [name, own(given, name)])));
    }
  }
  return rules;
}

function own(values: Record<string, unknown>, name: string): unknown {
  // A setting that was removed may still be listed without a value.
  return Object.hasOwn(values, name) ? (values[name] ?? undefined) : undefined;
}

function reportUnknown(
  values: Record<string, unknown>,
  known: readonly string[],
  tell: (key: string) => void,
): void {
  const unknown = Object.keys(values).filter((key) => !known.includes(key));
  for (const key of unknown.slice(0, MAX_UNKNOWN)) tell(key.slice(0, MAX_KEY));
}

function checkFlag(value: unknown): string | undefined {
  return typeof value === 'boolean' ? undefined : 'must be true or false; true is used';
}

function checkValue(spec: AlertValueSpec, value: unknown): string | undefined {
  if (typeof value !== 'number' || !Number.isFinite(value))
    return `must be a number (${spec.unit}); the default is used`;
  if (spec.integer === true && !Number.isInteger(value)) return 'must be a whole number; the default is used';
  if (value < spec.minimum || value > spec.maximum)
    return `must be between ${spec.minimum} and ${spec.maximum} (${spec.unit}); the default is used`;
  return undefined;
}
