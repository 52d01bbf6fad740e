import { isDeepStrictEqual } from 'node:util';
import * as vscode from 'vscode';
import { settingsPrefix } from '../../shared/contributions.ts';
import { FileTrouble } from './files.ts';
import { changedPart, hasComments, isEntry, switchInText, withEnabled } from './serverSwitch.ts';

/** Whose settings an entry stands in. `machine`: those of the remote machine that VS Code works on. */
export type EntryScope = 'user' | 'machine' | 'workspace' | 'folder';

/** Where the entry stands that counts for a server. */
export interface EntryPlace {
  readonly scope: EntryScope;
  readonly folder: vscode.WorkspaceFolder | undefined;
  readonly entry: Readonly<Record<string, unknown>>;
}

/** The two parts of `globalValue` are there, but not in the API's types (VS Code 1.139). */
type Inspected = Readonly<
  Partial<
    Record<
      'globalValue' | 'globalLocalValue' | 'globalRemoteValue' | 'workspaceValue' | 'workspaceFolderValue',
      unknown
    >
  >
>;

function inspect(folder?: vscode.Uri): Inspected {
  return vscode.workspace.getConfiguration(settingsPrefix, folder).inspect('servers') ?? {};
}

/** The narrowest scope that has the server, as the settings are read; `undefined` when none has. */
export function findEntry(name: string): EntryPlace | undefined {
  const { isTrusted, workspaceFile, workspaceFolders = [] } = vscode.workspace;
  const values = inspect();
  const places: (readonly [EntryScope, unknown, vscode.WorkspaceFolder?])[] = [];
  // What a workspace says counts only where it is trusted (requirements R1.6).
  if (isTrusted) {
    if (workspaceFile !== undefined)
      for (const folder of workspaceFolders)
        places.push(['folder', inspect(folder.uri).workspaceFolderValue, folder]);
    places.push(['workspace', values.workspaceValue]);
  }
  const { globalRemoteValue, globalLocalValue, globalValue } = values;
  places.push(['machine', globalRemoteValue]);
  places.push(['user', globalLocalValue ?? (globalRemoteValue === undefined ? globalValue : undefined)]);
  for (const [scope, servers, folder] of places) {
    if (!isEntry(servers) || !Object.hasOwn(servers, name)) continue;
    // A copy: what the editor hands out may be a proxy.
    const entry: unknown = JSON.parse(JSON.stringify(servers[name]));
    if (!isEntry(entry)) throw new FileTrouble('Its entry is not an object.');
    return { scope, folder, entry };
  }
  return undefined;
}

/** Takes a change back, if nobody has changed anything since; false when somebody has. */
export type Undo = () => Promise<boolean>;

/**
 * Switches the server on or off where its entry stands: in the file where that is known, because its comments stay then, else by the editor, which writes the
 * setting as a whole. `userFolder`: where the user's settings are, if that is on this machine. Throws a `FileTrouble` when it cannot.
 */
export async function switchEntry(
  name: string,
  place: EntryPlace,
  { enabled, userFolder }: { readonly enabled: boolean; readonly userFolder: vscode.Uri | undefined },
): Promise<Undo> {
  const after = withEnabled(place.entry, enabled);
  if (after === undefined) throw new FileTrouble('"lifeline" in its entry is not an object.');
  const file = fileOf(place, userFolder);
  const document = file === undefined ? undefined : await openIfThere(file);
  if (document === undefined) return updateSetting(name, place, after);
  const inWorkspaceFile = file?.toString() === vscode.workspace.workspaceFile?.toString();
  const { entry, scope } = place;
  const before = document.getText();
  // These the editor knows by another address, and may not look at their file: what loses nothing is left to it.
  const isOfPerson = scope === 'user' || scope === 'machine';
  if (isOfPerson && !hasComments(before)) return updateSetting(name, place, after);
  const text = switchInText(before, { name, entry, enabled, inWorkspaceFile });
  if (text === undefined) {
    // It is not that file, or the editor has not noticed its newest change: it would write over what somebody is typing.
    if (document.isDirty) throw new FileTrouble(`${document.fileName} has changes that are not saved.`);
    return updateSetting(name, place, after);
  }
  await replaceText(document, text);
  return async () => {
    if (document.isClosed || document.getText() !== text) return false;
    await replaceText(document, before);
    return true;
  };
}

function fileOf({ scope, folder }: EntryPlace, userFolder: vscode.Uri | undefined): vscode.Uri | undefined {
  const { workspaceFile, workspaceFolders } = vscode.workspace;
  const within = (root: vscode.Uri | undefined, ...path: string[]): vscode.Uri | undefined =>
    root === undefined ? undefined : vscode.Uri.joinPath(root, ...path);
  switch (scope) {
    case 'folder':
      return within(folder?.uri, '.vscode', 'settings.json');
    case 'workspace':
      return workspaceFile ?? within(workspaceFolders?.[0]?.uri, '.vscode', 'settings.json');
    case 'machine':
      return within(userFolder, '..', 'Machine', 'settings.json');
    case 'user':
      return within(userFolder, 'settings.json');
  }
}

async function openIfThere(file: vscode.Uri): Promise<vscode.TextDocument | undefined> {
  try {
    return await vscode.workspace.openTextDocument(file);
  } catch {
    return undefined; // then the editor knows where it is
  }
}

/** As typing it would: the editor notices at once, also where it does not watch files, and nobody's unsaved words are lost. */
async function replaceText(document: vscode.TextDocument, text: string): Promise<void> {
  if (document.isDirty) throw new FileTrouble(`${document.fileName} has changes that are not saved.`);
  const part = changedPart(document.getText(), text);
  const range = new vscode.Range(document.positionAt(part.from), document.positionAt(part.to));
  const edit = new vscode.WorkspaceEdit();
  edit.replace(document.uri, range, part.text);
  if (!(await vscode.workspace.applyEdit(edit)) || !(await document.save()))
    throw new FileTrouble(`${document.fileName} could not be written.`);
}

async function updateSetting(
  name: string,
  { scope, folder }: EntryPlace,
  entry: Readonly<Record<string, unknown>>,
): Promise<Undo> {
  const read = (): Readonly<Record<string, unknown>> => {
    const value = valueIn(inspect(folder?.uri), scope);
    return isEntry(value) ? (JSON.parse(JSON.stringify(value)) as Record<string, unknown>) : {};
  };
  if (scope === 'user' && inspect().globalRemoteValue !== undefined)
    throw new FileTrouble(
      'It stands in the user settings, and VS Code lets nobody but you change them while the remote machine has servers of its own.',
    );
  const target = {
    user: vscode.ConfigurationTarget.Global,
    machine: vscode.ConfigurationTarget.Global,
    workspace: vscode.ConfigurationTarget.Workspace,
    folder: vscode.ConfigurationTarget.WorkspaceFolder,
  }[scope];
  const write = async (servers: object): Promise<void> =>
    vscode.workspace.getConfiguration(settingsPrefix, folder?.uri).update('servers', servers, target);
  const before = read();
  const after = { ...before, [name]: entry };
  await write(after);
  return async () => {
    if (!isDeepStrictEqual(read(), after)) return false;
    await write(before);
    return true;
  };
}

function valueIn(values: Inspected, scope: EntryScope): unknown {
  switch (scope) {
    case 'folder':
      return values.workspaceFolderValue;
    case 'workspace':
      return values.workspaceValue;
    case 'machine':
      return values.globalRemoteValue;
    case 'user':
      return values.globalLocalValue ?? values.globalValue;
  }
}
