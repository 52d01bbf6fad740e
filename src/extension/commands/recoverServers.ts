import * as vscode from 'vscode';
import { Fault } from '../../shared/model/fault.ts';
import type { RecoverParams, RecoverResult } from '../../shared/protocol/engineMessages.ts';
import { viewNow } from '../health/viewNow.ts';
import type { CommandContext } from './commandContext.ts';
import { tellEngineDown } from './engineDown.ts';
import { withLateProgress } from './lateProgress.ts';
import { interruptedServers, interruptionQuestion, recoveryMessage } from './recoveryWords.ts';

/** A server may need a first start (two minutes for package runners); several start one after another. */
const RECOVER_LIMIT_MS = 300_000;

/**
 * Recovers or restarts, as the user asked: asks before running calls are ended, shows progress after a second,
 * tells the result of each server. Answers the result, or `undefined` when nothing was done. `who` is a sentence for the question: who wants it, if not the
 * person.
 */
export async function recoverServers(
  context: CommandContext,
  params: RecoverParams,
  who?: string,
): Promise<RecoverResult | undefined> {
  const { engine, model, t } = context;
  if (engine.status.kind !== 'running') {
    tellEngineDown(context);
    return undefined;
  }
  if (params.server !== undefined && !model.view.servers.some(({ name }) => name === params.server)) {
    void vscode.window.showWarningMessage(t('No MCP server is called "{0}".', params.server));
    return undefined;
  }
  const interrupted = interruptedServers(await viewNow(context), params);
  if (interrupted.length > 0) {
    const goOn = params.mode === 'restart' ? t('Restart') : t('Recover');
    const { message, detail } = interruptionQuestion(interrupted, t);
    const words = who === undefined ? detail : `${who} ${detail}`;
    const answer = await vscode.window.showWarningMessage(message, { modal: true, detail: words }, goOn);
    if (answer !== goOn) return undefined;
  }
  try {
    // Whoever was not asked has no calls ended: one may have begun since.
    const request =
      params.server === undefined ? { ...params, interruptCalls: interrupted.length > 0 } : params;
    const result = await withLateProgress(context, progressTitle(context, params), (signal) =>
      engine.recover(request, { timeoutMs: RECOVER_LIMIT_MS, signal }),
    );
    tellResult(context, result);
    return result;
  } catch (error) {
    if (Fault.is(error, 'cancelled')) return undefined;
    if (Fault.is(error, 'engineUnavailable')) {
      void vscode.window.showWarningMessage(t('The recovery was not finished. {0}', error.message));
      return undefined;
    }
    throw error;
  }
}

function progressTitle({ t }: CommandContext, { mode, server }: RecoverParams): string {
  if (server === undefined) return t('Recovering MCP servers…');
  return mode === 'restart' ? t('Restarting "{0}"…', server) : t('Recovering "{0}"…', server);
}

/** Messages are not waited for: the command is done when the servers are. */
function tellResult({ logs, t, onRecovered }: CommandContext, result: RecoverResult): void {
  const recovered = result.results.filter(({ outcome }) => outcome === 'recovered');
  onRecovered?.(recovered.map(({ server }) => server));
  const { severity, message, logOf } = recoveryMessage(result, t);
  if (severity === 'info') {
    void vscode.window.showInformationMessage(message);
    return;
  }
  void vscode.window.showWarningMessage(message, t('Show Log')).then((chosen) => {
    if (chosen !== undefined) logs.show(logOf);
  });
}
