import type { SettingsProblem } from '../model/snapshot.ts';
import { parseJsonPath, type JsonPath } from './jsonPath.ts';

/** A number that a server can report, as its entry asks for it (requirements R11.7): `lifeline.watch`. */
export interface WatchEntry {
  /** Unique within the server. */
  readonly name: string;
  readonly tool: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  /** As it was written; `$` when absent. */
  readonly pathText: string;
  readonly path: JsonPath;
  readonly min?: number;
  readonly max?: number;
  /** A sample each so many seconds. */
  readonly everySeconds: number;
  /** A person says that the tool may be called again and again although the server does not declare it read-only. */
  readonly repeatable: boolean;
}

export const watchLimits = {
  watches: 20,
  name: 64,
  tool: 256,
  argumentsLength: 65_536,
  minSeconds: 1,
  maxSeconds: 3_600,
  defaultSeconds: 30,
} as const;
/** Of an application's own Φ, where its entry does not say (requirements R11.7). */
export const DEFAULT_PHI_MIN = 0.03;

const keys = new Set(['name', 'tool', 'arguments', 'path', 'min', 'max', 'every', 'repeatable']);
const phiNames = new Set(['phi', 'φ']);
const leftOut = 'the value is not watched';

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isName(value: unknown, max: number): value is string {
  return typeof value === 'string' && value.trim() !== '' && value.length <= max && !/\p{Cc}/u.test(value);
}

/** Reads `lifeline.watch`. What cannot be used is left out, and reported with its place. */
export function parseWatch(
  path: string,
  value: unknown,
): { readonly watches: readonly WatchEntry[]; readonly problems: readonly SettingsProblem[] } {
  const watches: WatchEntry[] = [];
  const problems: SettingsProblem[] = [];
  const report = (place: string, message: string): void => {
    problems.push({ path: place, message });
  };
  if (value === undefined) return { watches, problems };
  if (!Array.isArray(value)) {
    report(path, 'must be a list of objects with "name", "tool" and "path"; nothing is watched');
    return { watches, problems };
  }
  const names = new Set<string>();
  for (const [index, item] of (value as unknown[]).entries()) {
    const place = `${path}[${index}]`;
    if (watches.length >= watchLimits.watches) {
      report(place, `is one too many: ${watchLimits.watches} values are the most; it is ignored`);
      break;
    }
    const read = readWatch(item);
    if (typeof read === 'string') report(place, `${read}; ${leftOut}`);
    else if (names.has(read.name)) report(`${place}.name`, `is there already; ${leftOut}`);
    else {
      names.add(read.name);
      watches.push(read);
    }
  }
  return { watches, problems };
}

function readWatch(item: unknown): WatchEntry | string {
  if (!isRecord(item)) return 'must be an object with "name", "tool" and "path"';
  const unknown = Object.keys(item).find((key) => !keys.has(key));
  if (unknown !== undefined) return `has "${unknown.slice(0, 100)}", which is not known`;
  const { name, tool, arguments: given = {}, path = '$', every, repeatable = false } = item;
  if (!isName(name, watchLimits.name)) return `must have a "name" of at most ${watchLimits.name} characters`;
  if (!isName(tool, watchLimits.tool)) return 'must name a "tool" of the server';
  if (!isRecord(given) || JSON.stringify(given).length > watchLimits.argumentsLength)
    return 'must have "arguments" that are an object of at most 64 KB';
  const segments = typeof path === 'string' ? parseJsonPath(path) : undefined;
  if (segments === undefined) return 'must have a "path" such as "$.a.b[0]"';
  if (typeof repeatable !== 'boolean') return 'must have a "repeatable" that is true or false';
  const { minSeconds, maxSeconds, defaultSeconds } = watchLimits;
  const everySeconds = every ?? defaultSeconds;
  if (typeof everySeconds !== 'number' || !(everySeconds >= minSeconds && everySeconds <= maxSeconds))
    return `must have an "every" between ${minSeconds} and ${maxSeconds} (seconds)`;
  const thresholds = readThresholds(name, item);
  if (typeof thresholds === 'string') return thresholds;
  return {
    ...{ name, tool, arguments: given, pathText: path as string, path: segments, ...thresholds },
    ...{ everySeconds, repeatable },
  };
}

function readThresholds(
  name: string,
  { min, max }: Record<string, unknown>,
): Pick<WatchEntry, 'min' | 'max'> | string {
  for (const [key, limit] of Object.entries({ min, max }))
    if (limit !== undefined && (typeof limit !== 'number' || !Number.isFinite(limit)))
      return `must have a "${key}" that is a number`;
  const lowest = (min ?? (phiNames.has(name.toLowerCase()) ? DEFAULT_PHI_MIN : undefined)) as
    number | undefined;
  const highest = max as number | undefined;
  if (lowest !== undefined && highest !== undefined && lowest > highest)
    return `must have a "min" (${lowest}) that is not above its "max" (${highest})`;
  return {
    ...(lowest === undefined ? {} : { min: lowest }),
    ...(highest === undefined ? {} : { max: highest }),
  };
}
