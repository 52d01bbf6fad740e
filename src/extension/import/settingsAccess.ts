import { isDeepStrictEqual } from 'node:util';
import * as vscode from 'vscode';
import { settingsPrefix } from '../../shared/contributions.ts';
import { readJson } from '../../shared/settings/jsonc.ts';
import { untranslated } from '../translate.ts';
import { FileTrouble, readText, restoreText, writeText } from './files.ts';
import { restrictionOf } from './restricted.ts';
import { editSettingsText, INPUTS_SETTING, SERVERS_SETTING, type SettingsPart } from './settingsPart.ts';

export type SettingsScope = 'user' | 'workspace';

/** The settings file of a workspace of one folder, which can be changed with its comments kept. */
function workspaceFile(): vscode.Uri | undefined {
  const [folder, ...others] = vscode.workspace.workspaceFolders ?? [];
  if (folder === undefined || others.length > 0 || vscode.workspace.workspaceFile !== undefined)
    return undefined;
  return vscode.Uri.joinPath(folder.uri, '.vscode', 'settings.json');
}

/** What one scope's settings say of servers and inputs: from the file where it can be read, because the editor may not have seen its newest change yet. */
export async function readSettings(scope: SettingsScope): Promise<SettingsPart> {
  // The commands say so earlier, and in the person's language.
  const restriction = restrictionOf(scope, untranslated);
  if (restriction !== undefined) throw new FileTrouble(restriction);
  const file = scope === 'workspace' ? workspaceFile() : undefined;
  if (file !== undefined) {
    const text = await readText(file);
    if (text !== undefined) return partOfText(text, file);
  }
  const configuration = vscode.workspace.getConfiguration(settingsPrefix);
  const value = (key: string): unknown => {
    const values = configuration.inspect<unknown>(key);
    const given = scope === 'user' ? userValue(values) : values?.workspaceValue;
    // A copy: what the editor hands out may be a proxy.
    return given === undefined ? undefined : (JSON.parse(JSON.stringify(given)) as unknown);
  };
  return partOf(value('servers'), value('inputs'));
}

/** `globalValue` mixes a remote machine's with the user's; the editor writes to the machine's where there are any, else to the user's. */
function userValue(values: object | undefined): unknown {
  const { globalRemoteValue, globalLocalValue, globalValue } = (values ?? {}) as Record<string, unknown>;
  return globalRemoteValue ?? globalLocalValue ?? globalValue;
}

function partOf(servers: unknown, inputs: unknown): SettingsPart {
  return {
    servers:
      typeof servers === 'object' && servers !== null && !Array.isArray(servers)
        ? (servers as SettingsPart['servers'])
        : {},
    inputs: Array.isArray(inputs) ? inputs : [],
  };
}

/** As a file would hold it. */
function plainPart(part: SettingsPart): SettingsPart {
  return JSON.parse(JSON.stringify(part)) as SettingsPart;
}

function partOfText(text: string, file: vscode.Uri): SettingsPart {
  const read = readJson(text.trim() === '' ? '{}' : text);
  if ('problem' in read) throw new FileTrouble(`${file.fsPath} cannot be read: ${read.problem}`);
  const settings = (read.value ?? {}) as Record<string, unknown>;
  return partOf(settings[SERVERS_SETTING], settings[INPUTS_SETTING]);
}

export interface SettingsChange {
  readonly scope: SettingsScope;
  readonly before: string;
  readonly after: string;
  /** What is shown above the preview. */
  readonly title: string;
  /** The editor writes the setting as a whole: comments inside it do not survive. */
  readonly losesComments: boolean;
  /** The file that is changed, where it is known; `before` is `undefined` when it is not there. */
  readonly file?: { readonly uri: vscode.Uri; readonly before: string | undefined };
  write(): Promise<void>;
  /** Takes `write` back, if nobody has changed anything since. */
  undo(): Promise<void>;
}

/**
 * A change of one scope's settings, not yet made: as the whole file where that can be read, else as the two settings it touches, which the editor then writes
 * itself.
 */
export async function changeSettings(scope: SettingsScope, after: SettingsPart): Promise<SettingsChange> {
  const before = await readSettings(scope);
  const file = scope === 'workspace' ? workspaceFile() : undefined;
  if (file !== undefined) {
    const text = await readText(file);
    const edited = editSettingsText(text ?? '{}\n', before, after);
    // Of two settings with one name the editor reads the last, and what was written may stand in the first.
    if (!isDeepStrictEqual(partOfText(edited, file), plainPart(after)))
      throw new FileTrouble(
        `${file.fsPath} could not be changed without breaking it: look for a name that is there twice.`,
      );
    return {
      scope,
      before: text ?? '',
      after: edited,
      title: '.vscode/settings.json',
      losesComments: false,
      file: { uri: file, before: text },
      write: () => (edited === text ? Promise.resolve() : writeText(file, edited, text)),
      undo: () => (edited === text ? Promise.resolve() : restoreText(file, text, edited)),
    };
  }
  const shown = ({ servers, inputs }: SettingsPart): string =>
    `${JSON.stringify({ [SERVERS_SETTING]: servers, [INPUTS_SETTING]: inputs }, undefined, 2)}\n`;
  const target = scope === 'user' ? vscode.ConfigurationTarget.Global : vscode.ConfigurationTarget.Workspace;
  const isSame = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);
  const update = async (from: SettingsPart, to: SettingsPart): Promise<void> => {
    if (!isSame(await readSettings(scope), from))
      throw new FileTrouble(`The ${scope} settings have changed meanwhile.`);
    const configuration = vscode.workspace.getConfiguration(settingsPrefix);
    // Inputs first, so that no server is read without those it names.
    const inputs = to.inputs.length === 0 ? undefined : to.inputs;
    if (!isSame(from.inputs, to.inputs)) await configuration.update('inputs', inputs, target);
    const servers = Object.keys(to.servers).length === 0 ? undefined : to.servers;
    if (!isSame(from.servers, to.servers)) await configuration.update('servers', servers, target);
    // The editor writes into the first of two settings with one name, and reads the last.
    if (!isDeepStrictEqual(await readSettings(scope), plainPart(to)))
      throw new FileTrouble(
        `The ${scope} settings do not say what was written: look for a setting that is there twice.`,
      );
  };
  return {
    scope,
    before: shown(before),
    after: shown(after),
    title: 'settings.json',
    losesComments: Object.keys(before.servers).length > 0 || before.inputs.length > 0,
    write: () => update(before, after),
    undo: () => update(after, before),
  };
}
