import * as vscode from 'vscode';
import type { McpLifelineApi } from '../../../api/mcp-lifeline.d.ts';
import { DisposableStore, type Disposable } from '../../shared/base/disposable.ts';
import { getConnectionStatus } from '../commands/getConnectionStatus.ts';
import { serverArgument } from '../commands/serverArgument.ts';
import type { ApiOptions } from './makeToolCaller.ts';
import { loadFirstUse, onFirstUse } from '../loading.ts';

/** What `activate` returns (requirements R12.7). Nothing is started until somebody calls a tool. */
export function makeApi(options: ApiOptions): { readonly api: McpLifelineApi } & Disposable {
  const store = new DisposableStore();
  const { commands } = options;
  const changed = store.add(new vscode.EventEmitter<void>());
  store.add(commands.model.onDidChange(() => changed.fire()));
  const caller = onFirstUse(async () => store.add((await loadFirstUse(commands.t)).makeToolCaller(options)));
  const api: McpLifelineApi = Object.freeze({
    version: 1 as const,
    getConnectionStatus: () => getConnectionStatus(commands),
    onDidChangeStatus: changed.event,
    forceRecovery: async (server?: string) => {
      // Another extension's mistake must not become a recovery of all.
      if (server !== undefined && serverArgument(server) === undefined)
        throw new TypeError(
          'forceRecovery: give the name of a server, or nothing for all that are not well.',
        );
      const { forceRecovery } = await loadFirstUse(commands.t);
      const who = commands.t('Another extension asks for this.');
      return (await forceRecovery(commands, server, who))?.results;
    },
    requestWithRetry: async (
      ...[server, tool, args = {}, { timeoutMs, token } = {}]: Parameters<McpLifelineApi['requestWithRetry']>
    ) => {
      const cancel = new AbortController();
      if (token?.isCancellationRequested === true) cancel.abort();
      const listener = token?.onCancellationRequested(() => cancel.abort());
      try {
        return await (await caller()).call({ server, tool, args, timeoutMs, signal: cancel.signal });
      } finally {
        listener?.dispose();
      }
    },
  });
  return { api, dispose: () => store.dispose() };
}
