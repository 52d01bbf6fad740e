import * as vscode from 'vscode';
import { planAdoption, refusalOf, serversOf } from '../import/adopt.ts';
import { FileTrouble, readText, writeText } from '../import/files.ts';
import { restrictionOf } from '../import/restricted.ts';
import { changeSettings, readSettings, type SettingsScope } from '../import/settingsAccess.ts';
import { withAdditions } from '../import/settingsPart.ts';
import { wantsSignIn } from '../import/signIn.ts';
import type { SettingUpContext } from './commandContext.ts';
import { serverArgument } from './serverArgument.ts';

interface Candidate extends vscode.QuickPickItem {
  readonly name: string;
  readonly file: vscode.Uri;
  readonly scope: SettingsScope;
  readonly folder: string | undefined;
}

/**
 * `mcpLifeline.adoptServer`: takes an entry of an `mcp.json` over into the settings, without a duplicate, once the person has seen what changes
 * (requirements R1.7). Works without an engine. Answers whether it was done.
 */
export async function adoptServer(context: SettingUpContext, argument: unknown): Promise<boolean> {
  const { importing, t } = context;
  const refuse = (name: string, reason: string): false => {
    void vscode.window.showWarningMessage(t('The entry "{0}" was left alone: {1}', name, reason));
    return false;
  };
  const { candidates, problems } = await findCandidates(context);
  const named = serverArgument(argument);
  // One that is found needs no word of what else there is.
  if (!candidates.some(({ name }) => name === named))
    for (const problem of problems) void vscode.window.showWarningMessage(problem);
  if (candidates.length === 0) {
    if (problems.length === 0)
      void vscode.window.showInformationMessage(
        t('There is no server in the mcp.json of this workspace or user.'),
      );
    return false;
  }
  // Several files may have one of that name.
  const fitting = named === undefined ? candidates : candidates.filter(({ name }) => name === named);
  if (named !== undefined && fitting.length === 0) return refuse(named, t('no mcp.json has it.'));
  const picked =
    named !== undefined && fitting.length === 1
      ? fitting[0]
      : await vscode.window.showQuickPick(fitting, { placeHolder: t('Select the entry to adopt') });
  if (picked === undefined) return false;
  const { name, file, scope, folder } = picked;
  const restriction = restrictionOf(scope, t);
  if (restriction !== undefined) return refuse(name, restriction);
  try {
    const text = await readText(file);
    const names = importing.serverNames();
    const settings = await readSettings(scope);
    const plan = planAdoption({
      name,
      file: file.toString(),
      scope,
      text: text ?? '',
      names,
      otherNames: await importing.editorNames(file),
      settings,
      folder,
      folders: importing.folders(),
    });
    if (plan.kind === 'refused') return refuse(name, plan.reason);
    const change = await changeSettings(scope, withAdditions(settings, plan.additions));
    const { before, after } = plan.adoption;
    const question = [
      t('Have the server "{0}" run by MCP Lifeline? "Give Server Back" undoes it.', name),
      ...(change.losesComments
        ? [t('VS Code writes these settings anew: comments inside them are lost.')]
        : []),
    ].join(' ');
    const isWanted = await importing.preview.confirm(question, [
      { title: 'mcp.json', before, after },
      change,
    ]);
    if (!isWanted) return false;
    // Only now: an address that a workspace names is not asked before the person has agreed.
    if (await wantsSignIn(plan.entry))
      return refuse(name, t('it needs a sign-in (OAuth), which the engine cannot do yet.'));
    // First what allows to undo it; then out of the one file before into the other, so that there are never two.
    await importing.adoptions.add(plan.adoption);
    await writeText(file, after, before);
    try {
      await change.write();
    } catch (error) {
      await writeText(file, before, after);
      await importing.adoptions.remove(plan.adoption);
      throw error;
    }
    return true;
  } catch (error) {
    return refuse(name, error instanceof FileTrouble ? error.message : String(error));
  }
}

async function findCandidates({ importing, t }: SettingUpContext): Promise<{
  readonly candidates: readonly Candidate[];
  /** Files that cannot be read, each a sentence with its path. */
  readonly problems: readonly string[];
}> {
  const problems: string[] = [];
  const found = await Promise.all(
    importing.editorFiles().map(async ({ file, scope, folder }): Promise<Candidate[]> => {
      const tell = (why: string): [] => {
        problems.push(`${file.fsPath}: ${why}`);
        return [];
      };
      let text: string | undefined;
      try {
        text = await readText(file);
      } catch (error) {
        return tell(error instanceof Error ? error.message : String(error));
      }
      if (text === undefined) return [];
      const read = serversOf(text);
      if ('problem' in read) return tell(t('It cannot be read: {0}', read.problem));
      return Object.entries(read.servers).map(([name, entry]) => {
        const reason = restrictionOf(scope, t) ?? refusalOf(name, entry);
        return {
          label: name,
          description: file.fsPath,
          ...(reason === undefined ? {} : { detail: t('Cannot be adopted: {0}', reason) }),
          name,
          file,
          scope,
          folder,
        };
      });
    }),
  );
  return { candidates: found.flat(), problems };
}
