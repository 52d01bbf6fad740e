import { spawn } from 'node:child_process';
import * as vscode from 'vscode';
import type { CommandContext } from '../commands/commandContext.ts';
import type { ConfiguredServer } from '../config/mergeServers.ts';
import { definitionsOf } from '../mcp/definitions.ts';
import { ApiError } from './apiError.ts';
import { ToolCaller } from './toolCaller.ts';
import type { BridgeProcess } from './toolSession.ts';

/** What the API for other extensions works with. */
export interface ApiOptions {
  readonly commands: CommandContext;
  readonly servers: () => readonly ConfiguredServer[];
  readonly bridgePath: string;
  readonly window: string;
}

/** Puts sessions, the bridge and the question to the person together. */
export function makeToolCaller(options: ApiOptions): ToolCaller {
  return new ToolCaller({
    clock: options.commands.clock,
    servers: options.servers,
    startBridge: (server) => startBridge(server, options),
    mayRun: consent(options.commands),
  });
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
