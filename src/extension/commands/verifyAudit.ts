import * as vscode from 'vscode';
import { Fault } from '../../shared/model/fault.ts';
import type { AuditVerdict } from '../../shared/protocol/engineMessages.ts';
import type { CommandContext } from './commandContext.ts';
import { tellEngineDown } from './engineDown.ts';
import { withLateProgress } from './lateProgress.ts';
import { counted } from '../figures.ts';

/** Sixty-four megabytes are read in about a second; a busy machine takes longer. */
const VERIFY_LIMIT_MS = 60_000;

/** `mcpLifeline.verifyAudit`: whether this window's audit trail is as it was written; names the first line that is not (requirements R11.5). Answers the verdict. */
export async function verifyAudit(context: CommandContext): Promise<AuditVerdict | undefined> {
  const { engine, t } = context;
  if (engine.status.kind !== 'running') {
    tellEngineDown(context);
    return undefined;
  }
  try {
    const verdict = await withLateProgress(context, t('Verifying the audit trail…'), (signal) =>
      engine.verifyAudit({ timeoutMs: VERIFY_LIMIT_MS, signal }),
    );
    const { kind, lines, message, folder } = verdict;
    if (kind === 'whole')
      void vscode.window.showInformationMessage(
        counted(
          t,
          lines,
          'The audit trail is whole: one line in {1}.',
          'The audit trail is whole: {0} lines in {1}.',
          folder,
        ),
      );
    else if (kind === 'absent')
      void vscode.window.showInformationMessage(
        t('There is no audit trail yet. It is kept while "mcpLifeline.audit" is on.'),
      );
    else void vscode.window.showErrorMessage(t('The audit trail is broken. {0}', message));
    return verdict;
  } catch (error) {
    if (Fault.is(error, 'cancelled')) return undefined;
    const why = error instanceof Error ? error.message : String(error);
    void vscode.window.showErrorMessage(t('The audit trail could not be verified: {0}', why));
    return undefined;
  }
}
