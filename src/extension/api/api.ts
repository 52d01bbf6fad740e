import { spawn } from 'node:child_process';
import * as vscode from 'vscode';
import type { McpLifelineApi } from '../../../api/mcp-lifeline.d.ts';
import { DisposableStore, type Disposable } from '../../shared/base/disposable.ts';
import type { CommandContext } from '../commands/commandContext.ts';
import { forceRecovery } from '../commands/forceRecovery.ts';
import { getConnectionStatus } from '../commands/getConnectionStatus.ts';
import type { ConfiguredServer } from '../config/mergeServers.ts';
import { definitionsOf } from '../mcp/definitions.ts';
import { ApiError } from './apiError.ts';
import { ToolCaller } from './toolCaller.ts';
import type { BridgeProcess } from './toolSession.ts';

export interface ApiOptions {
  readonly commands: CommandContext;
  readonly servers: () => readonly ConfiguredServer[];
  readonly bridgePath: string;
  readonly window: string;
}

/** What `activate` returns (requirements R12.7). Nothing is started until somebody calls a tool. */
export function makeApi(options: ApiOptions): { readonly api: McpLifelineApi } & Disposable {
  const store = new DisposableStore();
  const { commands } = options;
  const changed = store.add(new vscode.EventEmitter<void>());
  store.add(commands.model.onDidChange(() => changed.fire()));
  const caller = store.add(
    new ToolCaller({
      clock: commands.clock,
      servers: options.servers,
      startBridge: (server) => startBridge(server, options),
      mayRun: consent(commands),
    }),
  );
  const api: McpLifelineApi = Object.freeze({
    version: 1 as const,
    getConnectionStatus: () => getConnectionStatus(commands),
    onDidChangeStatus: changed.event,
    forceRecovery: async (server?: string) => (await forceRecovery(commands, server))?.results,
    requestWithRetry: async (
      ...[server, tool, args = {}, { timeoutMs, token } = {}]: Parameters<McpLifelineApi['requestWithRetry']>
    ) => {
      const cancel = new AbortController();
      if (token?.isCancellationRequested === true) cancel.abort();
      const listener = token?.onCancellationRequested(() => cancel.abort());
      try {
        return await caller.call({ server, tool, args, timeoutMs, signal: cancel.signal });
      } finally {
        listener?.dispose();
      }
    },
  });
  return { api, dispose: () => store.dispose() };
}

/**
 * Which extension asks cannot be known, so that the answer is about the tool: this once, or until the window is closed. It protects from mistakes; an
 * extension that means harm can do all that this one can.
 */
function consent({ t }: CommandContext): (server: string, tool: string) => Promise<boolean> {
  const allowed = new Set<string>();
  return async (server, tool) => {
    const key = JSON.stringify([server, tool]);
    if (allowed.has(key)) return true;
    const once = t('Run Once');
    const always = t('Allow in This Window');
    const answer = await vscode.window.showWarningMessage(
      t('An extension wants to run the tool "{0}" of the MCP server "{1}".', tool, server),
      { modal: true, detail: t('The tool is not known to be read-only: it may change something.') },
      once,
      always,
    );
    if (answer === always) allowed.add(key);
    return answer !== undefined;
  };
}

/** The same program with the same arguments as the editor starts it. */
function startBridge(server: string, { servers, bridgePath, window }: ApiOptions): BridgeProcess {
  const definition = definitionsOf(servers(), { bridgePath, window, versionOf: () => undefined }).find(
    ({ label }) => label === server,
  );
  if (definition === undefined) throw new ApiError('unknownServer', `There is no server "${server}".`);
  const child = spawn(process.execPath, definition.args, {
    env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
    stdio: ['pipe', 'pipe', 'ignore'],
    windowsHide: true,
  });
  return {
    stdin: child.stdin,
    stdout: child.stdout,
    onExit: (listener) => {
      child.once('error', listener);
      child.once('close', listener);
    },
    end: () => {
      // The bridge ends when its client leaves.
      child.stdin.end();
    },
  };
}
