/**
 * Another extension, as somebody else would write it: it knows `api/mcp-lifeline.d.ts` and nothing more. Each command appends what it got as a line of JSON
 * to the file `API_USER_LOG`.
 */
import { appendFileSync, readFileSync } from 'node:fs';
import * as vscode from 'vscode';
import type { McpLifelineApi } from '../../../api/mcp-lifeline.d.ts';

/** Set by the test, next to the log: what the next call is. */
interface Wanted {
  readonly server: string;
  readonly tool: string;
  readonly args?: Readonly<Record<string, unknown>>;
  readonly timeoutMs?: number;
}

const logFile = process.env['API_USER_LOG'] ?? '';
const note = (what: string, value: unknown): void => {
  appendFileSync(logFile, `${JSON.stringify({ what, value: value ?? null })}\n`);
};
const wanted = (): Wanted => JSON.parse(readFileSync(`${logFile}.wanted`, 'utf8')) as Wanted;

/** Whoever was written for a version uses no other. */
async function connect(version: number): Promise<McpLifelineApi> {
  const extension = vscode.extensions.getExtension<McpLifelineApi | undefined>('mcp-lifeline.mcp-lifeline');
  const api = await extension?.activate();
  if (api === undefined) throw new Error('MCP Lifeline is not there, or could not start');
  const offered: number = api.version;
  if (offered !== version) throw new Error(`wants version ${version}, and there is version ${offered}`);
  return api;
}

export function activate(context: vscode.ExtensionContext): void {
  const register = (id: string, run: () => Promise<unknown>): void => {
    context.subscriptions.push(
      vscode.commands.registerCommand(`apiUser.${id}`, () =>
        run().then(
          (value) => note(id, value),
          (error: unknown) => {
            const { name, message, code } = error as Error & { readonly code?: string };
            note(id, { error: { name, message, code } });
          },
        ),
      ),
    );
  };
  register('status', async () => (await connect(1)).getConnectionStatus());
  register('recover', async () => (await connect(1)).forceRecovery(wanted().server));
  register('call', async () => {
    const { server, tool, args, timeoutMs } = wanted();
    const api = await connect(1);
    return api.requestWithRetry(server, tool, args, timeoutMs === undefined ? {} : { timeoutMs });
  });
  register('watch', async () => {
    context.subscriptions.push((await connect(1)).onDidChangeStatus(() => note('changed', undefined)));
  });
  register('newer', () => connect(2));
  // As an agent's call comes in: through the editor, with its questions.
  register('tool', async () => {
    const { tool, args = {} } = wanted();
    const { content } = await vscode.lm.invokeTool(tool, { input: args, toolInvocationToken: undefined });
    return content
      .map((part) => (part instanceof vscode.LanguageModelTextPart ? part.value : '?'))
      .join('\n');
  });
}
