import * as vscode from 'vscode';
import type { Translate } from '../translate.ts';
import type { SettingsScope } from './settingsAccess.ts';

/**
 * Why nothing is written into a scope's settings now, after a colon; `undefined` when it may be. In Restricted Mode the editor hides what the workspace's
 * settings say of servers (requirements R1.6): writing them anew would drop it, and what a stranger's file names would be one step nearer to running.
 */
export function restrictionOf(scope: SettingsScope, t: Translate): string | undefined {
  return scope === 'workspace' && !vscode.workspace.isTrusted
    ? t('this workspace is in Restricted Mode; trust it first.')
    : undefined;
}
