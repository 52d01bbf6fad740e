import * as vscode from 'vscode';
import { Fault } from '../../shared/model/fault.ts';
import type { ServerActionResult } from '../../shared/protocol/engineMessages.ts';
import { offeredActions, type ActionId } from '../health/conditions.ts';
import { actionMessage, noServerFor, progressFor, questionFor } from './actionWords.ts';
import { askServer } from './askServer.ts';
import type { CommandContext } from './commandContext.ts';
import { tellEngineDown } from './engineDown.ts';
import { withLateProgress } from './lateProgress.ts';
import { serverArgument } from './serverArgument.ts';

/** To free a port a process is ended and another one started. */
const ACTION_LIMIT_MS = 60_000;

/**
 * `mcpLifeline.resetBreaker`, `isolate`, `rejoin`, `freePort`, `acceptChange`: one action on one server, which is asked for unless it is given.
 * Tells what was done, or why not, and answers it; `undefined` when nothing was asked of the engine.
 */
export async function actOnServer(
  context: CommandContext,
  action: ActionId,
  argument: unknown,
): Promise<ServerActionResult | undefined> {
  const { engine, logs, model, t } = context;
  if (engine.status.kind !== 'running') {
    tellEngineDown(context);
    return undefined;
  }
  const server =
    serverArgument(argument) ??
    (await askServer(context, questionFor(action, t), {
      offers: ({ snapshot }) => snapshot !== undefined && offeredActions(snapshot).includes(action),
      none: noServerFor(action, t),
    }));
  if (server === undefined) return undefined;
  if (!model.view.servers.some(({ name }) => name === server)) {
    void vscode.window.showWarningMessage(t('No MCP server is called "{0}".', server));
    return undefined;
  }
  try {
    const result = await withLateProgress(context, progressFor(action, server, t), (signal) =>
      engine.actOnServer({ server, action }, { timeoutMs: ACTION_LIMIT_MS, signal }),
    );
    if (result.done) {
      void vscode.window.showInformationMessage(actionMessage(action, server, t));
      return result;
    }
    const showLog = t('Show Log');
    void vscode.window.showWarningMessage(result.message, showLog).then((chosen) => {
      if (chosen === showLog) logs.show(server);
    });
    return result;
  } catch (error) {
    if (Fault.is(error, 'cancelled')) return undefined;
    if (!Fault.is(error, 'engineUnavailable')) throw error;
    void vscode.window.showWarningMessage(error.message);
    return undefined;
  }
}
