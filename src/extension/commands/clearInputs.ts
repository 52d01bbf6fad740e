import * as vscode from 'vscode';
import type { CommandContext } from './commandContext.ts';

/** `mcpLifeline.clearInputs`: deletes the stored values of inputs, of the user and of this workspace. What runs goes on until its next start. */
export async function clearInputs({ inputs, t }: CommandContext): Promise<number> {
  const count = await inputs.clear();
  void vscode.window.showInformationMessage(
    count === 0
      ? t('No input values are stored.')
      : t(
          'Stored input values deleted: {0}. Servers that run keep theirs until they are started again.',
          count,
        ),
  );
  return count;
}
