import * as vscode from 'vscode';
import { askServer } from './askServer.ts';
import type { CommandContext } from './commandContext.ts';
import { serverArgument } from './serverArgument.ts';

/**
 * `mcpLifeline.enterInput`: gives, or changes, a value that a server's entry leaves to a person (requirements R1.4). Works without an engine: the value is
 * kept, and used when the server starts. Answers whether a value was given.
 */
export async function enterInput(context: CommandContext, argument: unknown): Promise<boolean> {
  const { inputs, t } = context;
  const server =
    serverArgument(argument) ??
    (await askServer(context, t('Select the server whose input values to enter'), {
      offers: ({ name }) => inputs.serversWithInputs().includes(name),
      none: t('No MCP server leaves a value to you.'),
    }));
  if (server === undefined) return false;
  const states = await inputs.stateOf(server);
  const missing = states.filter(({ isGiven }) => !isGiven);
  if (states.length === 0) {
    void vscode.window.showInformationMessage(t('The MCP server "{0}" leaves no value to you.', server));
    return false;
  }
  if (missing.length > 0) {
    let given = false;
    for (const { input } of missing) {
      if (!(await inputs.enter(server, input.id))) return given;
      given = true;
    }
    return given;
  }
  const [only] = states;
  const picked =
    states.length === 1
      ? only?.input
      : (
          await vscode.window.showQuickPick(
            states.map(({ input }) => ({ label: input.id, description: input.description, input })),
            { placeHolder: t('Select the value to change') },
          )
        )?.input;
  return picked !== undefined && inputs.enter(server, picked.id);
}
