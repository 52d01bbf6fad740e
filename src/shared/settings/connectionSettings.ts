import type { SettingsProblem } from '../model/snapshot.ts';

/**
 * The connection settings (requirements R2): one table that holds name, default, limits, unit and environment
 * variable. The manifest, the documentation and the parser are all compared with or made from it.
 */

interface ConnectionSettingSpec {
  readonly default: number;
  /** For servers reached over a network, where that differs. */
  readonly remoteDefault?: number;
  readonly minimum: number;
  readonly maximum: number;
  readonly integer?: boolean;
  readonly unit: 'seconds' | 'count' | 'percent';
  readonly environment: string;
}

export const connectionSettingSpecs = {
  requestTimeout: {
    default: 60,
    minimum: 1,
    maximum: 600,
    unit: 'seconds',
    environment: 'MCP_REQUEST_TIMEOUT',
  },
  connectionTimeout: {
    default: 10,
    minimum: 1,
    maximum: 120,
    unit: 'seconds',
    environment: 'MCP_CONNECTION_TIMEOUT',
  },
  readTimeout: { default: 30, minimum: 1, maximum: 600, unit: 'seconds', environment: 'MCP_READ_TIMEOUT' },
  maxRetries: {
    default: 5,
    minimum: 0,
    maximum: 20,
    integer: true,
    unit: 'count',
    environment: 'MCP_MAX_RETRIES',
  },
  retryBackoffBase: {
    default: 1,
    minimum: 0.1,
    maximum: 60,
    unit: 'seconds',
    environment: 'MCP_RETRY_BACKOFF_BASE',
  },
  retryBackoffMax: {
    default: 60,
    minimum: 1,
    maximum: 3600,
    unit: 'seconds',
    environment: 'MCP_RETRY_BACKOFF_MAX',
  },
  retryBackoffJitter: {
    default: 10,
    minimum: 0,
    maximum: 100,
    unit: 'percent',
    environment: 'MCP_RETRY_BACKOFF_JITTER',
  },
  failureThreshold: {
    default: 3,
    remoteDefault: 5,
    minimum: 1,
    maximum: 100,
    integer: true,
    unit: 'count',
    environment: 'MCP_FAILURE_THRESHOLD',
  },
  successThreshold: {
    default: 2,
    minimum: 1,
    maximum: 100,
    integer: true,
    unit: 'count',
    environment: 'MCP_SUCCESS_THRESHOLD',
  },
  recoveryTimeout: {
    default: 30,
    remoteDefault: 60,
    minimum: 1,
    maximum: 3600,
    unit: 'seconds',
    environment: 'MCP_RECOVERY_TIMEOUT',
  },
  maxConnections: {
    default: 10,
    minimum: 1,
    maximum: 100,
    integer: true,
    unit: 'count',
    environment: 'MCP_MAX_CONNECTIONS',
  },
  minConnections: {
    default: 1,
    minimum: 0,
    maximum: 100,
    integer: true,
    unit: 'count',
    environment: 'MCP_MIN_CONNECTIONS',
  },
  maxKeepaliveConnections: {
    default: 5,
    minimum: 0,
    maximum: 100,
    integer: true,
    unit: 'count',
    environment: 'MCP_KEEPALIVE_CONNECTIONS',
  },
  keepaliveExpiry: {
    default: 5,
    minimum: 0,
    maximum: 600,
    unit: 'seconds',
    environment: 'MCP_KEEPALIVE_EXPIRY',
  },
  healthCheckInterval: {
    default: 30,
    minimum: 1,
    maximum: 3600,
    unit: 'seconds',
    environment: 'MCP_HEALTH_CHECK_INTERVAL',
  },
  recoveryInterval: {
    default: 10,
    minimum: 1,
    maximum: 600,
    unit: 'seconds',
    environment: 'MCP_RECOVERY_INTERVAL',
  },
  forceRecoveryAfter: {
    default: 300,
    minimum: 10,
    maximum: 86_400,
    unit: 'seconds',
    environment: 'MCP_FORCE_RECOVERY_AFTER',
  },
  maxRestartAttempts: {
    default: 3,
    minimum: 1,
    maximum: 100,
    integer: true,
    unit: 'count',
    environment: 'MCP_MAX_RESTART_ATTEMPTS',
  },
} as const satisfies Record<string, ConnectionSettingSpec>;

export type ConnectionSettingName = keyof typeof connectionSettingSpecs;
/** Values in the units of the table (seconds, counts, percent). */
export type ConnectionSettings = Readonly<Record<ConnectionSettingName, number>>;

/** Keys of one place that are named as unknown; whoever wrote more has written something else. */
const MAX_UNKNOWN = 100;

export const connectionSettingNames = Object.keys(connectionSettingSpecs) as ConnectionSettingName[];

/** Settings that are read, checked and shown, but that nothing acts on yet. Their descriptions say so (tested). */
export const connectionSettingsWithoutEffect: readonly ConnectionSettingName[] = [];

/** One place that may set values, strongest first in a list. `path` is what a problem is reported under. */
export interface SettingsLayer {
  readonly path: string;
  readonly values: unknown;
  /** How the values are written there; by the settings' own names and units where it is absent. */
  readonly spelling?: Spelling;
}

/** Another way to write connection settings down. */
export interface Spelling {
  /** The key that a setting has there. */
  keyOf(name: ConnectionSettingName): string;
  /** A value in the unit of the table; `undefined` where nothing is set. */
  read(name: ConnectionSettingName, value: unknown): unknown;
}

const ownSpelling: Spelling = { keyOf: (name) => name, read: (_name, value) => value };
/** As the variables of the table, all of them text. */
const environmentSpelling: Spelling = {
  keyOf: (name) => connectionSettingSpecs[name].environment,
  read: (_name, value) => {
    if (typeof value !== 'string' || value.trim() === '') return undefined;
    const number = Number(value);
    return Number.isNaN(number) ? value : number;
  },
};

/** What a layer sets, under the settings' own names. */
function readLayer({
  values,
  spelling = ownSpelling,
}: SettingsLayer): ReadonlyMap<ConnectionSettingName, unknown> {
  const set = new Map<ConnectionSettingName, unknown>();
  if (!isRecord(values)) return set;
  for (const name of connectionSettingNames) {
    const key = spelling.keyOf(name);
    const value = Object.hasOwn(values, key) ? spelling.read(name, values[key]) : undefined;
    if (value !== undefined) set.set(name, value);
  }
  return set;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Checks one value; answers a sentence when it is not usable. */
export function checkConnectionSetting(name: ConnectionSettingName, value: unknown): string | undefined {
  const spec: ConnectionSettingSpec = connectionSettingSpecs[name];
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    return `must be a number (${spec.unit}); the default is used`;
  }
  if (spec.integer === true && !Number.isInteger(value)) return 'must be a whole number; the default is used';
  if (value < spec.minimum || value > spec.maximum) {
    return `must be between ${spec.minimum} and ${spec.maximum} (${spec.unit}); the default is used`;
  }
  return undefined;
}

/**
 * Reads the layers, strongest first; a value that is not usable is reported at its place and the default used,
 * never a weaker layer's value (R2.2). Unknown keys are reported and ignored.
 */
export function parseConnectionSettings(
  layers: readonly SettingsLayer[],
  options: { readonly remote?: boolean } = {},
): { readonly settings: ConnectionSettings; readonly problems: readonly SettingsProblem[] } {
  const problems: SettingsProblem[] = [];
  const usable = layers.filter((layer) => {
    if (layer.values === undefined || isRecord(layer.values)) return true;
    problems.push({ path: layer.path, message: 'must be an object; it is ignored' });
    return false;
  });
  for (const layer of usable) {
    const known = new Set(connectionSettingNames.map((name) => (layer.spelling ?? ownSpelling).keyOf(name)));
    const unknown = Object.keys(layer.values ?? {}).filter((key) => !known.has(key));
    for (const key of unknown.slice(0, MAX_UNKNOWN))
      problems.push({ path: `${layer.path}.${key}`, message: 'is not a known setting; it is ignored' });
  }
  const read = usable.map((layer) => ({ layer, values: readLayer(layer) }));
  const settings = {} as Record<ConnectionSettingName, number>;
  for (const name of connectionSettingNames) {
    const spec: ConnectionSettingSpec = connectionSettingSpecs[name];
    const fallback = options.remote === true ? (spec.remoteDefault ?? spec.default) : spec.default;
    settings[name] = fallback;
    const strongest = read.find(({ values }) => values.has(name));
    if (strongest === undefined) continue;
    const { layer, values } = strongest;
    const value = values.get(name);
    const problem = checkConnectionSetting(name, value);
    if (problem === undefined) settings[name] = value as number;
    else
      problems.push({
        path: `${layer.path}.${(layer.spelling ?? ownSpelling).keyOf(name)}`,
        message: problem,
      });
  }
  return { settings, problems };
}

/** The environment as a layer: only the variables of the table. */
export function environmentLayer(environment: Readonly<Record<string, string | undefined>>): SettingsLayer {
  const names = connectionSettingNames.map((name) => connectionSettingSpecs[name].environment);
  const values = Object.fromEntries(
    names.flatMap((name) => (environment[name] === undefined ? [] : [[name, environment[name]]])),
  );
  return { path: 'environment', values, spelling: environmentSpelling };
}
