import * as vscode from 'vscode';
import { changeSettings, readSettings } from '../import/settingsAccess.ts';
import { withoutServers } from '../import/settingsPart.ts';
import type { SettingUpContext } from './commandContext.ts';

/** `mcpLifeline.undoImport`: takes the last import back, but for servers that were changed since. Answers whether anything was taken back. */
export async function undoImport({ importing, t }: SettingUpContext): Promise<boolean> {
  const last = importing.lastImport();
  if (last.length === 0) {
    void vscode.window.showInformationMessage(t('There is no import to undo.'));
    return false;
  }
  const kept: string[] = [];
  try {
    for (const { scope, servers, inputs } of last) {
      const settings = readSettings(scope);
      const present = servers.filter(({ name }) => Object.hasOwn(settings.servers, name));
      const same = present.filter(
        ({ name, digest }) => importing.digestOf(settings.servers[name]) === digest,
      );
      kept.push(...present.filter((one) => !same.includes(one)).map(({ name }) => name));
      const after = withoutServers(
        settings,
        same.map(({ name }) => name),
        settings.inputs.filter((input) => inputs.includes((input as { id?: string }).id ?? '')),
      );
      await (await changeSettings(scope, after)).write();
    }
    await importing.noteImport([]);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    void vscode.window.showErrorMessage(t('The import could not be undone: {0}', why));
    return false;
  }
  void vscode.window.showInformationMessage(
    kept.length === 0
      ? t('The import was undone.')
      : t('The import was undone, but for what was changed since: {0}', kept.join(', ')),
  );
  return true;
}
