import * as vscode from 'vscode';
import { causeTitle } from '../notifications/alertWords.ts';
import type { Mute } from '../notifications/muteList.ts';
import type { CommandContext } from './commandContext.ts';

/** How long the status bar says what was changed. */
const SAID_MS = 10_000;

interface MuteItem extends vscode.QuickPickItem {
  readonly mute: Mute;
}

/** `mcpLifeline.mutedAlerts`: shows what is muted; what is deselected is told again. */
export async function mutedAlerts({ mutes, t }: CommandContext): Promise<void> {
  const { all } = mutes;
  if (all.length === 0) {
    void vscode.window.showInformationMessage(
      t('No alerts are muted. A notification of an alert has a button for that.'),
    );
    return;
  }
  const items = all.map((mute): MuteItem => ({
    label: mute.server ?? 'MCP Lifeline',
    description: causeTitle(mute.cause, t),
    picked: true,
    mute,
  }));
  const kept = await vscode.window.showQuickPick(items, {
    canPickMany: true,
    title: t('Muted Alerts'),
    placeHolder: t('Deselect what you want to be told of again'),
    matchOnDescription: true,
  });
  if (kept === undefined) return;
  const toldAgain = items.filter((item) => !kept.includes(item));
  if (toldAgain.length === 0) return;
  await mutes.remove(toldAgain.map(({ mute }) => mute));
  const names = toldAgain.map(({ label, description }) => `${label} (${description ?? ''})`).join(', ');
  vscode.window.setStatusBarMessage(t('No longer muted: {0}', names), SAID_MS);
}
