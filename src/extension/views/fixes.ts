import { commands, settingsPrefix } from '../../shared/contributions.ts';
import type { CrashCause, ServerSnapshot } from '../../shared/model/snapshot.ts';
import { actionTitle, offeredActions } from '../health/conditions.ts';
import type { ServerView } from '../health/healthView.ts';
import type { Translate } from '../translate.ts';
import type { RowCommand } from './row.ts';

/** What would end a server's trouble, the best first; the same is in its context menu, or in its settings. */
export interface Fix extends RowCommand {
  readonly key: string;
}

/** No other start would be a better one before its entry, or the machine, is another. */
const inSettings: ReadonlySet<CrashCause> = new Set([
  'commandMissing',
  'dependencyMissing',
  'badCredentials',
  'badConfiguration',
  'portInUse',
]);

export function openSettings(setting: string, t: Translate): RowCommand {
  return { command: 'workbench.action.openSettings', title: t('Open Settings'), args: [setting] };
}

export function fixesOf({ name, health, snapshot }: ServerView, t: Translate): readonly Fix[] {
  if (snapshot === undefined) return [];
  const fixes: Fix[] = [];
  const offered = offeredActions(snapshot);
  const add = (command: string, title: string): void => {
    fixes.push({ key: command, command, title, args: [name] });
  };
  if (snapshot.needsInput !== undefined) add(commands.enterInput, t('Enter Input Value'));
  if (offered.includes('freePort')) add(commands.freePort, actionTitle('freePort', t));
  if (offered.includes('rejoin')) add(commands.rejoin, actionTitle('rejoin', t));
  if (offered.includes('acceptChange')) add(commands.acceptChange, actionTitle('acceptChange', t));
  if (isInSettings(snapshot) && !offered.includes('freePort'))
    fixes.push({ key: 'settings', ...openSettings(`${settingsPrefix}.servers`, t) });
  if (health === 'failed' || health === 'recovering' || health === 'unsure')
    add(commands.forceRecovery, t('Force Recovery'));
  return fixes;
}

function isInSettings({ diagnosis }: ServerSnapshot): boolean {
  return diagnosis !== undefined && inSettings.has(diagnosis.cause);
}
