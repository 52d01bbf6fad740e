import * as vscode from 'vscode';
import { settingsPrefix } from '../../shared/contributions.ts';
import { FileTrouble, readText, writeText } from './files.ts';
import { editSettingsText, INPUTS_SETTING, SERVERS_SETTING, type SettingsPart } from './settingsPart.ts';

export type SettingsScope = 'user' | 'workspace';

/** What one scope's settings say of servers and inputs. */
export function readSettings(scope: SettingsScope): SettingsPart {
  const configuration = vscode.workspace.getConfiguration(settingsPrefix);
  const value = (key: string): unknown => {
    const values = configuration.inspect<unknown>(key);
    const given = scope === 'user' ? userValue(values) : values?.workspaceValue;
    // A copy: what the editor hands out may be a proxy.
    return given === undefined ? undefined : (JSON.parse(JSON.stringify(given)) as unknown);
  };
  const servers = value('servers');
  const inputs = value('inputs');
  return {
    servers:
      typeof servers === 'object' && servers !== null && !Array.isArray(servers)
        ? (servers as SettingsPart['servers'])
        : {},
    inputs: Array.isArray(inputs) ? inputs : [],
  };
}

/** `globalValue` mixes a remote machine's with the user's; the editor writes to the machine's where there are any, else to the user's. */
function userValue(values: object | undefined): unknown {
  const { globalRemoteValue, globalLocalValue, globalValue } = (values ?? {}) as Record<string, unknown>;
  return globalRemoteValue ?? globalLocalValue ?? globalValue;
}

/** The settings file of a workspace of one folder, which can be changed with its comments kept. */
function workspaceFile(): vscode.Uri | undefined {
  const [folder, ...others] = vscode.workspace.workspaceFolders ?? [];
  if (folder === undefined || others.length > 0 || vscode.workspace.workspaceFile !== undefined)
    return undefined;
  return vscode.Uri.joinPath(folder.uri, '.vscode', 'settings.json');
}

export interface SettingsChange {
  readonly before: string;
  readonly after: string;
  /** What is shown above the preview. */
  readonly title: string;
  write(): Promise<void>;
}

/**
 * A change of one scope's settings, not yet made: as the whole file where that can be read, else as the two settings it touches, which the editor then writes
 * itself.
 */
export async function changeSettings(scope: SettingsScope, after: SettingsPart): Promise<SettingsChange> {
  const before = readSettings(scope);
  const file = scope === 'workspace' ? workspaceFile() : undefined;
  if (file !== undefined) {
    const text = (await readText(file)) ?? '{}\n';
    const edited = editSettingsText(text, before, after);
    return {
      before: text,
      after: edited,
      title: '.vscode/settings.json',
      write: () => writeText(file, edited, text),
    };
  }
  const shown = ({ servers, inputs }: SettingsPart): string =>
    `${JSON.stringify({ [SERVERS_SETTING]: servers, [INPUTS_SETTING]: inputs }, undefined, 2)}\n`;
  const target = scope === 'user' ? vscode.ConfigurationTarget.Global : vscode.ConfigurationTarget.Workspace;
  return {
    before: shown(before),
    after: shown(after),
    title: 'settings.json',
    async write() {
      const configuration = vscode.workspace.getConfiguration(settingsPrefix);
      const isSame = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);
      const now = readSettings(scope);
      if (!isSame(now, before)) throw new FileTrouble(`The ${scope} settings have changed meanwhile.`);
      // Inputs first, so that no server is read without those it names.
      const inputs = after.inputs.length === 0 ? undefined : after.inputs;
      if (!isSame(before.inputs, after.inputs)) await configuration.update('inputs', inputs, target);
      const servers = Object.keys(after.servers).length === 0 ? undefined : after.servers;
      if (!isSame(before.servers, after.servers)) await configuration.update('servers', servers, target);
    },
  };
}
