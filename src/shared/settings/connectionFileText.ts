import type { SettingsProblem } from '../model/snapshot.ts';
import {
  GLOBAL_SETTINGS,
  isRecord,
  named,
  readGlobalSettings,
  type GlobalSettings,
} from './globalSettings.ts';
import { readJson } from './jsonc.ts';

/** Bytes of a file that holds nothing but settings. */
export const MAX_CONNECTION_FILE_BYTES = 1_048_576;

/** Reads the text of a file that is there for its `global_settings`. Never throws. `name` is what people call the file. */
export function parseConnectionFile(
  text: string,
  name: string,
): { readonly settings: GlobalSettings | undefined; readonly problems: readonly SettingsProblem[] } {
  const problems: SettingsProblem[] = [];
  const report = (path: string, message: string): void => void problems.push({ path, message });
  const read = readJson(text);
  if ('problem' in read) {
    report(name, `is not JSON: ${read.problem} Nothing of it is used.`);
    return { settings: undefined, problems };
  }
  const { value } = read;
  if (!isRecord(value) || value[GLOBAL_SETTINGS] === undefined) {
    report(name, `has no "${GLOBAL_SETTINGS}"; nothing of it is used`);
    return { settings: undefined, problems };
  }
  const others = Object.keys(value).filter((key) => key !== GLOBAL_SETTINGS && key !== '$schema');
  if (others.length > 0)
    report(
      name,
      `holds ${named(others)}, which is not taken from there; servers belong in mcpLifeline.servers`,
    );
  return { settings: readGlobalSettings(value[GLOBAL_SETTINGS], report, `${name}: `), problems };
}
