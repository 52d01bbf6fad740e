import type { Translate } from '../translate.ts';
import { planImport, type FoundSecret } from './importPlan.ts';
import type { FoundServer } from './readSource.ts';

/** What looks like a secret in entries, wherever they go. */
export function plainSecretsOf(found: readonly FoundServer[]): readonly FoundSecret[] {
  return planImport({ found, names: [], settings: { servers: {}, inputs: [] }, hideSecrets: true }).secrets;
}

/** The two ways to keep them, as a quick pick offers them. */
export function secretItems(
  secrets: readonly FoundSecret[],
  t: Translate,
): { readonly label: string; readonly detail?: string; readonly hide: boolean }[] {
  const places = secrets.map(({ server, place }) => `${server}: ${place}`).join(', ');
  return [
    {
      label: t('Keep them in the secret storage of VS Code'),
      detail: t('The settings hold inputs in their place: {0}', places),
      hide: true,
    },
    { label: t('Copy them into the settings as they are'), hide: false },
  ];
}
