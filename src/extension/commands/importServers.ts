import * as vscode from 'vscode';
import { planImport, type FoundSecret } from '../import/importPlan.ts';
import type { FoundInSource } from '../import/importing.ts';
import { changeSettings, readSettings, type SettingsScope } from '../import/settingsAccess.ts';
import { withAdditions, type SettingsPart } from '../import/settingsPart.ts';
import type { SettingUpContext } from './commandContext.ts';

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
  const names = [...importing.serverNames()];
  const parts: { scope: SettingsScope; additions: SettingsPart; secrets: readonly FoundSecret[] }[] = [];
  for (const scope of ['user', 'workspace'] as const) {
    const of = chosen.filter(({ source }) => source.scope === scope).map(({ server }) => server);
    if (of.length === 0) continue;
    const plan = planImport({ found: of, names, settings: readSettings(scope), hideSecrets });
    names.push(...Object.keys(plan.additions.servers));
    parts.push({ scope, ...plan });
  }
  const changes = await Promise.all(
    parts.map(({ scope, additions }) => changeSettings(scope, withAdditions(readSettings(scope), additions))),
  );
  const imported = parts.flatMap(({ additions }) => Object.keys(additions.servers));
  const isWanted = await importing.preview.confirm(
    t('Import {0}? "Undo Import" takes it back.', imported.join(', ')),
    changes,
  );
  if (!isWanted) return [];
  try {
    for (const { scope, secrets } of parts)
      for (const { id, value } of secrets) await importing.keepSecret(scope, id, value);
    await importing.noteImport(parts);
    for (const change of changes) await change.write();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    void vscode.window.showErrorMessage(t('The servers could not be imported: {0}', why));
    return [];
  }
  void vscode.window.showInformationMessage(t('Imported: {0}', imported.join(', ')));
  return imported;
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
    const detail =
      server.entry === undefined ? t('Cannot be imported: {0}', server.reason ?? '') : server.notes.join(' ');
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
  const { secrets } = planImport({
    found: chosen.map(({ server }) => server),
    names: [],
    settings: { servers: {}, inputs: [] },
    hideSecrets: true,
  });
  if (secrets.length === 0) return true;
  const places = secrets.map(({ server, place }) => `${server}: ${place}`).join(', ');
  const picked = await vscode.window.showQuickPick(
    [
      {
        label: t('Keep them in the secret storage of VS Code'),
        detail: t('The settings hold inputs in their place: {0}', places),
        hide: true,
      },
      { label: t('Copy them into the settings as they are'), hide: false },
    ],
    { placeHolder: t('There are secrets in plain text'), ignoreFocusOut: true },
  );
  return picked?.hide;
}
