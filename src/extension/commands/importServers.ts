import * as vscode from 'vscode';
import { applyImport, planChanges, type PlannedPart } from '../import/applyImport.ts';
import { planImport } from '../import/importPlan.ts';
import type { FoundInSource } from '../import/importing.ts';
import { readSettings } from '../import/settingsAccess.ts';
import { plainSecretsOf, secretItems } from '../import/secretChoice.ts';
import type { SettingUpContext } from './commandContext.ts';
import { counted } from '../figures.ts';

interface Item extends vscode.QuickPickItem {
  readonly found?: FoundInSource;
}

/**
 * `mcpLifeline.importServers`: copies servers of other clients' files into the settings, once the person has seen what changes (requirements R1.2). Works
 * without an engine. Answers the names of what was imported.
 */
export async function importServers(context: SettingUpContext): Promise<readonly string[]> {
  const { importing, t } = context;
  const { found, problems } = await importing.find();
  if (problems.length > 0) {
    const [first = ''] = problems;
    void vscode.window.showWarningMessage(
      problems.length === 1 ? first : t('{0} (and {1} more, see the log)', first, problems.length - 1),
    );
  }
  const usable = found.filter(({ server }) => server.entry !== undefined);
  if (found.length === 0) {
    void vscode.window.showInformationMessage(
      t('No MCP servers of other clients were found on this machine.'),
    );
    return [];
  }
  const items = itemsOf(found, context);
  const picked = await vscode.window.showQuickPick(items, {
    canPickMany: true,
    matchOnDescription: true,
    placeHolder:
      usable.length === 0
        ? t('None of what was found can be imported')
        : t('Select the servers to import; what changes is shown before it is done'),
  });
  const chosen = (picked ?? []).flatMap(({ found: one }) => (one?.server.entry === undefined ? [] : [one]));
  if (chosen.length === 0) return [];
  const hideSecrets = await askAboutSecrets(context, chosen);
  if (hideSecrets === undefined) return [];
  const names = [...(await importing.takenNames())];
  try {
    const parts: PlannedPart[] = [];
    for (const scope of ['user', 'workspace'] as const) {
      const of = chosen.filter(({ source }) => source.scope === scope).map(({ server }) => server);
      if (of.length === 0) continue;
      const plan = planImport({ found: of, names, settings: await readSettings(scope), hideSecrets });
      names.push(...Object.keys(plan.additions.servers));
      parts.push({ scope, ...plan });
    }
    const changes = await planChanges(parts);
    const imported = parts.flatMap(({ additions }) => Object.keys(additions.servers));
    const loses = changes.some(({ change }) => change.losesComments);
    const question = [
      t('Import {0}? "Undo Import" takes it back.', imported.join(', ')),
      ...(loses ? [t('VS Code writes these settings anew: comments inside them are lost.')] : []),
    ].join(' ');
    const isWanted = await importing.preview.confirm(
      question,
      changes.map(({ change }) => change),
    );
    if (!isWanted) return [];
    await applyImport(importing, changes);
    void vscode.window.showInformationMessage(
      counted(
        t,
        imported.length,
        'Imported one server: {1}',
        'Imported {0} servers: {1}',
        imported.join(', '),
      ),
    );
    return imported;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    void vscode.window.showErrorMessage(t('The servers could not be imported: {0}', why));
    return [];
  }
}

function itemsOf(found: readonly FoundInSource[], { t }: SettingUpContext): Item[] {
  const items: Item[] = [];
  let heading = '';
  for (const one of found) {
    const { source, server } = one;
    const next = `${source.client} · ${source.path}`;
    if (next !== heading) items.push({ label: next, kind: vscode.QuickPickItemKind.Separator });
    heading = next;
    const target = source.scope === 'user' ? t('into the user settings') : t('into the workspace settings');
    const notes =
      source.format === 'vscode'
        ? [t('VS Code goes on running its own; "Adopt Server" takes it over instead of copying it.')]
        : [];
    const detail =
      server.entry === undefined
        ? t('Cannot be imported: {0}', server.reason ?? '')
        : [...notes, ...server.notes].join(' ');
    items.push({
      label: server.name,
      description: server.entry === undefined ? '' : target,
      ...(detail === '' ? {} : { detail }),
      found: one,
    });
  }
  return items;
}

/** Whether plain-text secrets become inputs; `undefined`: nothing is to be done. */
async function askAboutSecrets(
  { t }: SettingUpContext,
  chosen: readonly FoundInSource[],
): Promise<boolean | undefined> {
  const secrets = plainSecretsOf(chosen.map(({ server }) => server));
  if (secrets.length === 0) return true;
  const picked = await vscode.window.showQuickPick(secretItems(secrets, t), {
    placeHolder: t('There are secrets in plain text'),
    ignoreFocusOut: true,
  });
  return picked?.hide;
}
