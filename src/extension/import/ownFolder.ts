import { membersWithVariables } from '../../shared/settings/variables.ts';

/** A folder of the workspace, on a disk. */
export interface NamedFolder {
  readonly name: string;
  readonly path: string;
}

export type InOwnFolder = { readonly entry: Readonly<Record<string, unknown>> } | { readonly reason: string };

const ofTheFolder = /\$\{(workspaceFolder|workspaceRoot|workspaceFolderBasename)\}/g;

/**
 * An entry of a file in one of several folders, for the settings of the whole workspace: what means "this folder" there names the folder here, because
 * `${workspaceFolder}` of those settings is the first one, and so is the folder where a process starts. `reason`: a sentence with the entry as its subject, when the folder has
 * no name of its own. Entries that have nothing to do with the folder, and workspaces of one folder, stay as they are.
 */
export function inOwnFolder(
  entry: Readonly<Record<string, unknown>>,
  folder: string | undefined,
  folders: readonly NamedFolder[],
): InOwnFolder {
  if (folder === undefined || folders.length < 2) return { entry };
  const name = folders.find(({ path }) => path === folder)?.name ?? '';
  const changed: Record<string, unknown> = { ...entry };
  for (const member of membersWithVariables)
    if (entry[member] !== undefined) changed[member] = named(entry[member], name);
  const { command, cwd } = entry;
  if (typeof command === 'string') {
    if (cwd === undefined) changed['cwd'] = `\${workspaceFolder:${name}}`;
    else if (typeof cwd === 'string' && isRelative(cwd))
      changed['cwd'] = `\${workspaceFolder:${name}}/${cwd}`;
  }
  if (JSON.stringify(changed) === JSON.stringify(entry)) return { entry };
  const isOnlyOne = folders.filter((other) => other.name === name).length === 1;
  if (isOnlyOne && name !== '' && !/[{}]/.test(name)) return { entry: changed };
  return {
    reason: `it belongs to the folder "${folder}", whose name "${name}" does not tell it from the other folders of this workspace; give that folder a name of its own in the workspace file.`,
  };
}

function named(value: unknown, name: string): unknown {
  if (typeof value === 'string')
    return value.replace(ofTheFolder, (_, kind: string) => `\${${kind}:${name}}`);
  if (Array.isArray(value)) return value.map((item: unknown) => named(item, name));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, named(item, name)]));
}

/** Of a path that may begin with a variable, as it is written for any system. */
function isRelative(path: string): boolean {
  return !/^(?:[/\\~]|[A-Za-z]:|\$\{)/.test(path);
}
