import * as vscode from 'vscode';
import { planGiveBack } from '../import/adopt.ts';
import { FileTrouble, readText, writeText } from '../import/files.ts';
import { restrictionOf } from '../import/restricted.ts';
import { changeSettings, readSettings } from '../import/settingsAccess.ts';
import { withoutServers } from '../import/settingsPart.ts';
import type { SettingUpContext } from './commandContext.ts';
import { serverArgument } from './serverArgument.ts';

/**
 * `mcpLifeline.giveBackServer`: puts an adopted entry back where it was, in one step: byte for byte when nothing else changed in its file
 * (requirements R1.7). Works without an engine. Answers whether it was done.
 */
export async function giveBackServer(context: SettingUpContext, argument: unknown): Promise<boolean> {
  const { importing, t } = context;
  const open = new Set(importing.editorFiles().map(({ file }) => file.toString()));
  // Of another workspace's file the settings are not here.
  const adoptions = (await importing.adoptions.list()).filter(({ file }) => open.has(file));
  if (adoptions.length === 0) {
    void vscode.window.showInformationMessage(t('No server was adopted here.'));
    return false;
  }
  const named = serverArgument(argument);
  const items = adoptions.map((adoption) => ({
    label: adoption.name,
    description: vscode.Uri.parse(adoption.file).fsPath,
    adoption,
  }));
  const adoption =
    named === undefined
      ? (await vscode.window.showQuickPick(items, { placeHolder: t('Select the server to give back') }))
          ?.adoption
      : adoptions.find(({ name }) => name === named);
  if (adoption === undefined) {
    if (named !== undefined)
      void vscode.window.showInformationMessage(t('The server "{0}" was not adopted here.', named));
    return false;
  }
  const file = vscode.Uri.parse(adoption.file);
  const { name, scope } = adoption;
  try {
    const restriction = restrictionOf(scope, t);
    if (restriction !== undefined) throw new FileTrouble(restriction);
    const text = await readText(file);
    const plan = planGiveBack(adoption, text);
    if (plan.kind === 'refused') throw new FileTrouble(plan.reason);
    const settings = await readSettings(scope);
    const ours = adoption.inputs.map((input) => input.ours);
    const change = await changeSettings(scope, withoutServers(settings, [name], ours));
    // Out of the settings before it is in the file again, so that there are never two.
    await change.write();
    try {
      await writeText(file, plan.text, text);
    } catch (error) {
      // Else it would be in neither.
      await change.undo();
      throw error;
    }
    await importing.adoptions.remove(adoption);
    void vscode.window.showInformationMessage(
      plan.exact
        ? t('The server "{0}" was given back; its file is as it was.', name)
        : t('The server "{0}" was given back; what else changed in its file meanwhile was kept.', name),
    );
    return true;
  } catch (error) {
    const why = error instanceof FileTrouble ? error.message : String(error);
    void vscode.window.showWarningMessage(t('The server "{0}" was not given back: {1}', name, why));
    return false;
  }
}
