import type { FoundSecret } from './importPlan.ts';
import type { Importing } from './importing.ts';
import { changeSettings, readSettings, type SettingsChange, type SettingsScope } from './settingsAccess.ts';
import { withAdditions, type SettingsPart } from './settingsPart.ts';

/** What one scope's settings get. */
export interface PlannedPart {
  readonly scope: SettingsScope;
  readonly additions: SettingsPart;
  readonly secrets: readonly FoundSecret[];
}

export interface PlannedChange extends PlannedPart {
  readonly change: SettingsChange;
}

/** What it would make of the settings; nothing is written yet. */
export async function planChanges(parts: readonly PlannedPart[]): Promise<readonly PlannedChange[]> {
  return Promise.all(
    parts.map(async (part) => ({
      ...part,
      change: await changeSettings(part.scope, withAdditions(await readSettings(part.scope), part.additions)),
    })),
  );
}

/** Writes it, and remembers how it is taken back. When a part cannot be written, what was written before is undone, and the error thrown. */
export async function applyImport(importing: Importing, parts: readonly PlannedChange[]): Promise<void> {
  const { lastImport } = importing;
  const undo: (() => Promise<void>)[] = [];
  try {
    for (const { scope, secrets } of parts)
      for (const { id, value } of secrets) {
        undo.push(() => importing.forgetSecret(scope, id));
        await importing.keepSecret(scope, id, value);
      }
    for (const { change } of parts) {
      await change.write();
      undo.push(() => change.undo());
    }
    await lastImport.note(
      parts.map(({ scope, additions, secrets, change }) => ({
        scope,
        servers: Object.entries(additions.servers).map(([name, entry]) => ({
          name,
          digest: lastImport.digestOf(entry),
        })),
        inputs: additions.inputs.map((input) => String((input as { id?: unknown }).id)),
        secrets: secrets.map(({ id }) => id),
        ...(change.file === undefined
          ? {}
          : {
              changed: {
                uri: change.file.uri.toString(),
                before: change.file.before ?? null,
                after: change.after,
              },
            }),
      })),
    );
  } catch (error) {
    // The latest first; one that fails keeps nobody from the others, and the first error is the one that says why.
    for (const step of undo.reverse()) await step().catch(() => undefined);
    throw error;
  }
}
