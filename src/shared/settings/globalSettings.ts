import type { ConnectionSettingName, SettingsLayer, Spelling } from './connectionSettings.ts';

/**
 * Connection settings as existing deployments have them in a JSON file (requirements R2.1): in snake case, under
 * `global_settings.connection_handling`. Seconds and counts as in the settings.
 */
export interface GlobalSettings {
  /** What a problem is reported under. */
  readonly place: string;
  /** The object `connection_handling`, unparsed. */
  readonly values: Readonly<Record<string, unknown>>;
}

export const GLOBAL_SETTINGS = 'global_settings';
const CONNECTION_HANDLING = 'connection_handling';
const MAX_NAMED_KEYS = 10;

/** `requestTimeout` → `request_timeout`. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

const spelling: Spelling = {
  keyOf: snakeCase,
  read(name: ConnectionSettingName, value: unknown) {
    if (value === null) return undefined;
    // A jitter is a ratio in most libraries, and percent here. Up to 1 it is read as a ratio: nobody asks for a jitter of 1 % or less.
    if (name !== 'retryBackoffJitter' || typeof value !== 'number' || value > 1 || value < 0) return value;
    return Math.round(value * 1e9) / 1e7;
  },
};

/** The file's values as a layer of the connection settings: weaker than what the user set, stronger than the environment. */
export function globalSettingsLayer({ place, values }: GlobalSettings): SettingsLayer {
  return { path: place, values, spelling };
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Some names in a sentence: they are somebody else's, and as many and as long as he likes. */
export function named(keys: readonly string[]): string {
  const names = keys.slice(0, MAX_NAMED_KEYS).map((key) => `"${key.slice(0, 64)}"`);
  return keys.length > names.length ? `${names.join(', ')} and others` : names.join(', ');
}

/**
 * Reads `global_settings` of a file. What else is in it belongs to other programs: it is left alone, and named once. `prefix` goes before
 * every place.
 */
export function readGlobalSettings(
  value: unknown,
  report: (path: string, message: string) => void,
  prefix = '',
): GlobalSettings | undefined {
  if (value === undefined) return undefined;
  const path = `${prefix}${GLOBAL_SETTINGS}`;
  if (!isRecord(value)) {
    report(path, 'must be an object; it is ignored');
    return undefined;
  }
  const others = Object.keys(value).filter((key) => key !== CONNECTION_HANDLING);
  if (others.length > 0) report(path, `holds ${named(others)}, which MCP Lifeline does not use`);
  const values = value[CONNECTION_HANDLING];
  if (values === undefined) return undefined;
  const place = `${path}.${CONNECTION_HANDLING}`;
  if (isRecord(values)) return { place, values };
  report(place, 'must be an object; it is ignored');
  return undefined;
}
