import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join, resolve, sep } from 'node:path';
import type { Node } from 'jsonc-parser';
import { redactWellKnown } from '../../shared/redaction/wellKnown.ts';
import { resolveVariables, type VariableScope } from '../../shared/settings/variables.ts';
import { upstreamEnvironment } from '../upstream/environment.ts';
import type { Finding } from './findings.ts';
import { memberOf, textOf, valueOf, type LifelineDocument } from './lifelineDocument.ts';

/** What is known of where commands are looked for. */
export interface CommandSearch {
  readonly environment: NodeJS.ProcessEnv;
  /** Asked only when a command is not there otherwise; one answer for the engine's life. */
  readonly loginShell: { environment(): Promise<NodeJS.ProcessEnv | undefined> };
  readonly workspaceFolder: string | undefined;
}

/** No more of them are looked for in one document. */
const MAX_COMMANDS = 100;
const MAX_FOLDERS = 500;

/** Commands that are found nowhere, as a start of the server would look for them (requirements R1.8). Nothing is run. */
export async function missingCommands(
  document: LifelineDocument,
  search: CommandSearch,
): Promise<readonly Finding[]> {
  const found: Finding[] = [];
  for (const { name, value } of document.servers.slice(0, MAX_COMMANDS)) {
    const node = memberOf(value, 'command');
    const written = textOf(node);
    if (value === undefined || node === undefined || written === undefined || written.trim() === '') continue;
    if (!(await isMissing(value, search))) continue;
    const shown = redactWellKnown(written).slice(0, 200);
    found.push({
      code: 'commandMissing',
      args: [shown],
      span: node,
      severity: 'warning',
      node,
      server: name,
    });
  }
  return found;
}

async function isMissing(entry: Node, search: CommandSearch): Promise<boolean> {
  const { environment, workspaceFolder } = search;
  const scope: VariableScope = {
    userHome: homedir(),
    pathSeparator: sep,
    workspaceFolder,
    folders: new Map(),
    env: (name) => environment[name],
  };
  const plain = {
    command: valueOf(memberOf(entry, 'command')),
    cwd: valueOf(memberOf(entry, 'cwd')),
    env: valueOf(memberOf(entry, 'env')),
  };
  const { entry: resolved } = resolveVariables(plain, scope, { path: '', report: () => undefined });
  const { command, cwd, env } = resolved as Record<string, unknown>;
  // What is not known yet is not missing.
  if (typeof command !== 'string' || command.includes('${') || command.includes('\0')) return false;
  if (cwd !== undefined && (typeof cwd !== 'string' || cwd.includes('${') || cwd.includes('\0')))
    return false;
  const own = ownEnvironment(env);
  if (own['PATH']?.includes('${') === true) return false;
  const folder = resolve(workspaceFolder ?? homedir(), cwd ?? '');
  if (/[\\/]/.test(command) && (process.platform === 'win32' || command.includes('/')))
    return !(await isProgram(resolve(folder, command)));
  if (await isOnPath(command, upstreamEnvironment(environment, own))) return false;
  // An entry that sets PATH has said where to look.
  if (own['PATH'] !== undefined) return true;
  const shell = await search.loginShell.environment();
  return shell === undefined || !(await isOnPath(command, upstreamEnvironment(shell, own)));
}

function ownEnvironment(env: unknown): Record<string, string | null> {
  if (typeof env !== 'object' || env === null) return {};
  return Object.fromEntries(
    Object.entries(env).filter((pair): pair is [string, string | null] => {
      const value: unknown = pair[1];
      return value === null || typeof value === 'string';
    }),
  );
}

async function isOnPath(command: string, environment: Record<string, string>): Promise<boolean> {
  const name = Object.keys(environment).find((key) =>
    process.platform === 'win32' ? key.toUpperCase() === 'PATH' : key === 'PATH',
  );
  const folders = (name === undefined ? '' : (environment[name] ?? '')).split(delimiter);
  for (const folder of folders.slice(0, MAX_FOLDERS))
    if (folder !== '' && (await isProgram(join(folder, command)))) return true;
  return false;
}

async function isProgram(file: string): Promise<boolean> {
  const endings =
    process.platform === 'win32' ? ['', ...(process.env['PATHEXT'] ?? '.EXE;.CMD;.BAT').split(';')] : [''];
  for (const ending of endings) {
    try {
      await access(`${file}${ending}`, constants.X_OK);
      if ((await stat(`${file}${ending}`)).isFile()) return true;
    } catch {
      // it is not this one
    }
  }
  return false;
}
