import * as vscode from 'vscode';
import { extensionId, walkthroughId } from '../../shared/contributions.ts';

/** `mcpLifeline.getStarted`: the walkthrough, for whoever looks for it. Nothing of ours opens it unasked. */
export async function getStarted(): Promise<void> {
  await vscode.commands.executeCommand(
    'workbench.action.openWalkthrough',
    `${extensionId}#${walkthroughId}`,
    false,
  );
}
