import * as vscode from 'vscode';
import { editorServerId } from '../../shared/contributions.ts';

/** VS Code's own commands for servers that this extension registers. */
export const editorServers = {
  stop: async (server: string): Promise<void> => {
    await vscode.commands.executeCommand('workbench.mcp.stopServer', editorServerId(server));
  },
  start: async (server: string): Promise<void> => {
    await vscode.commands.executeCommand('workbench.mcp.startServer', editorServerId(server), {
      errorOnUserInteraction: true,
      waitForLiveTools: true,
    });
  },
  /** As a person asked for it: VS Code may ask back. */
  startByHand: async (server: string): Promise<void> => {
    await vscode.commands.executeCommand('workbench.mcp.startServer', editorServerId(server), {
      waitForLiveTools: true,
    });
  },
};
