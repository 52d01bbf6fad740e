import { isDeepStrictEqual } from 'node:util';
import { stripComments, type JSONPath } from 'jsonc-parser';
import { readJson } from '../../shared/settings/jsonc.ts';
import { rawAt, withValue } from './jsonText.ts';
import { SERVERS_SETTING } from './settingsPart.ts';

/** What a server's entry becomes when it is switched on or off (requirements R12.2): nothing but its `lifeline.enabled`. */

type Entry = Readonly<Record<string, unknown>>;

export function isEntry(value: unknown): value is Entry {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** On is what an entry is that does not say. `undefined` when its `lifeline` is none, so that there is no place to say it. */
export function withEnabled(entry: Entry, enabled: boolean): Entry | undefined {
  const { lifeline = {}, ...rest } = entry;
  if (!isEntry(lifeline)) return undefined;
  const others = Object.fromEntries(Object.entries(lifeline).filter(([key]) => key !== 'enabled'));
  const next = enabled ? others : { ...lifeline, enabled: false };
  return Object.keys(next).length === 0 ? rest : { ...entry, lifeline: next };
}

/**
 * The same in a settings file, whose comments stay. `undefined` when the entry does not stand there as `entry`, under its usual key.
 * @param inWorkspaceFile the settings are a part of the file, under `settings`
 */
export function switchInText(
  text: string,
  options: {
    readonly name: string;
    readonly entry: Entry;
    readonly enabled: boolean;
    readonly inWorkspaceFile: boolean;
  },
): string | undefined {
  const { name, entry, enabled, inWorkspaceFile } = options;
  const path: JSONPath = [...(inWorkspaceFile ? ['settings'] : []), SERVERS_SETTING, name];
  const next = withEnabled(entry, enabled);
  if (next === undefined || !isDeepStrictEqual(valueAt(text, path), entry)) return undefined;
  let edited: string;
  if (!enabled) edited = withValue(text, [...path, 'lifeline', 'enabled'], false);
  else if (next['lifeline'] === undefined) edited = withValue(text, [...path, 'lifeline'], undefined);
  else edited = withValue(text, [...path, 'lifeline', 'enabled'], undefined);
  // A file with the same key twice would say something else.
  return isDeepStrictEqual(valueAt(edited, path), next) ? edited : undefined;
}

/** Whether there are words in the servers of a settings file that whoever writes the setting as a whole would lose. */
export function hasComments(text: string): boolean {
  const servers = rawAt(text, [SERVERS_SETTING]);
  return servers !== undefined && stripComments(servers) !== servers;
}

function valueAt(text: string, path: JSONPath): unknown {
  const read = readJson(text);
  if ('problem' in read) return undefined;
  let value: unknown = read.value;
  for (const key of path) {
    if (!isEntry(value) || !Object.hasOwn(value, key)) return undefined;
    value = value[key];
  }
  return value;
}

/** Where two texts differ: what lies between their common beginning and their common end. */
export function changedPart(
  before: string,
  after: string,
): { readonly from: number; readonly to: number; readonly text: string } {
  const most = Math.min(before.length, after.length);
  let from = 0;
  while (from < most && before[from] === after[from]) from += 1;
  let same = 0;
  while (same < most - from && before[before.length - 1 - same] === after[after.length - 1 - same]) same += 1;
  return { from, to: before.length - same, text: after.slice(from, after.length - same) };
}
