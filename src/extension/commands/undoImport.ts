import * as vscode from 'vscode';
import { readText, restoreText } from '../import/files.ts';
import type { SavedImport } from '../import/lastImport.ts';
import { restrictionOf } from '../import/restricted.ts';
import { changeSettings, readSettings } from '../import/settingsAccess.ts';
import { withoutServers } from '../import/settingsPart.ts';
import type { SettingUpContext } from './commandContext.ts';
import { counted } from '../figures.ts';

/**
 * `mcpLifeline.undoImport`: takes the last import, or what "Add Server…" added, back, but for servers that were changed since; with the secrets that it stored. A
 * settings file that nobody has changed since becomes what it was, byte for byte. Answers whether anything was taken back.
 */
export async function undoImport({ importing, t }: SettingUpContext): Promise<boolean> {
  const last = importing.lastImport.list();
  if (last.length === 0) {
    void vscode.window.showInformationMessage(t('There is no import to undo.'));
    return false;
  }
  const kept: string[] = [];
  let forgotten = 0;
  try {
    for (const { scope } of last) {
      const restriction = restrictionOf(scope, t);
      if (restriction !== undefined) throw new Error(restriction);
    }
    for (const part of last) {
      const own = await undoPart(part);
      kept.push(...own);
      const used = JSON.stringify((await readSettings(part.scope)).servers);
      for (const id of part.secrets) {
        // Of a server that stays, its value stays.
        if (used.includes(`\${input:${id}}`)) continue;
        await importing.forgetSecret(part.scope, id);
        forgotten += 1;
      }
    }
    await importing.lastImport.note([]);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    void vscode.window.showErrorMessage(t('The import could not be undone: {0}', why));
    return false;
  }
  const secrets =
    forgotten === 0
      ? ''
      : ` ${counted(t, forgotten, 'One secret was deleted.', '{0} secrets were deleted.')}`;
  void vscode.window.showInformationMessage(
    (kept.length === 0
      ? t('The import was undone.')
      : t('The import was undone, but for what was changed since: {0}.', kept.join(', '))) + secrets,
  );
  return true;

  /** Answers the names of servers that stay, because they were changed. */
  async function undoPart(part: SavedImport): Promise<readonly string[]> {
    const { scope, servers, inputs } = part;
    const file = await importing.lastImport.fileOf(part);
    const uri = file === undefined ? undefined : vscode.Uri.parse(file.uri);
    if (file !== undefined && uri !== undefined && (await readText(uri)) === file.after) {
      await restoreText(uri, file.before ?? undefined, file.after);
      return [];
    }
    const settings = await readSettings(scope);
    const present = servers.filter(({ name }) => Object.hasOwn(settings.servers, name));
    const same = present.filter(
      ({ name, digest }) => importing.lastImport.digestOf(settings.servers[name]) === digest,
    );
    const after = withoutServers(
      settings,
      same.map(({ name }) => name),
      settings.inputs.filter((input) => inputs.includes((input as { id?: string }).id ?? '')),
    );
    await (await changeSettings(scope, after)).write();
    return present.filter((one) => !same.includes(one)).map(({ name }) => name);
  }
}
