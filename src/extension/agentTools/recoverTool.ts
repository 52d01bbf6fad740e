import * as vscode from 'vscode';
import { Fault } from '../../shared/model/fault.ts';
import { canRun, type ServerView } from '../health/healthView.ts';
import { viewNow } from '../health/viewNow.ts';
import { escapeMarkdown, healthWords } from '../health/words.ts';
import { engineDownText, healthText, noSuchServer, recoveryText } from './healthText.ts';
import { textResult, type ToolContext } from './toolContext.ts';
import { parseRecoverInput } from './toolInput.ts';
import { counted } from '../figures.ts';

/** As for the command: a first start may take two minutes. */
const RECOVER_LIMIT_MS = 300_000;
const MAX_LENGTH = 4_000;

/** `#mcpRecover`: one server starts afresh, after a person has agreed to what that ends. */
export class RecoverTool implements vscode.LanguageModelTool<unknown> {
  readonly #context: ToolContext;

  constructor(context: ToolContext) {
    this.#context = context;
  }

  async prepareInvocation(
    options: vscode.LanguageModelToolInvocationPrepareOptions<unknown>,
  ): Promise<vscode.PreparedToolInvocation> {
    const { t } = this.#context;
    const name = parseRecoverInput(options.input)?.server ?? '';
    const server = (await viewNow(this.#context)).servers.find((each) => each.name === name);
    return {
      invocationMessage: t('Recovering "{0}"…', name),
      // Asked for in any case: what is true now may be different when the answer comes.
      confirmationMessages: {
        title: t('Recover the MCP server "{0}"?', name),
        message: new vscode.MarkdownString(this.#question(name, server)),
      },
    };
  }

  async invoke(
    options: vscode.LanguageModelToolInvocationOptions<unknown>,
    token: vscode.CancellationToken,
  ): Promise<vscode.LanguageModelToolResult> {
    const { clock, engine, model, t } = this.#context;
    const input = parseRecoverInput(options.input);
    if (input === undefined) throw new Error(t('The input is { "server": string }, and nothing else.'));
    const { view } = model;
    const known = view.servers.find(({ name }) => name === input.server);
    if (known === undefined) return textResult(noSuchServer(view, input.server, MAX_LENGTH));
    if (engine.status.kind !== 'running') return textResult(engineDownText(view));
    const answer = (): string =>
      healthText(model.view, { server: input.server, now: clock.wallNow(), maxLength: MAX_LENGTH });
    if (!canRun(known.health)) return textResult(answer());
    const cancel = new AbortController();
    const listener = token.onCancellationRequested(() => cancel.abort());
    try {
      const result = await engine.recover(
        { mode: 'recover', server: input.server },
        { timeoutMs: RECOVER_LIMIT_MS, signal: cancel.signal },
      );
      return textResult(recoveryText(result));
    } catch (error) {
      if (Fault.is(error, 'cancelled')) throw new vscode.CancellationError();
      if (!Fault.is(error, 'engineUnavailable')) throw error;
      return textResult(`The recovery was not finished. ${error.message} ${engineDownText(model.view)}`);
    } finally {
      listener.dispose();
    }
  }

  /** Markdown: which server, how it is, and what ends. */
  #question(name: string, server: ServerView | undefined): string {
    const { t } = this.#context;
    const calls = server?.snapshot?.metrics.inFlight ?? 0;
    const lines = [
      server === undefined
        ? t('No MCP server is called "{0}".', name)
        : t('"{0}" is now: {1}.', name, healthWords(server, t)),
      calls > 0
        ? counted(
            t,
            calls,
            'One call is running on it and ends with an error.',
            '{0} calls are running on it and end with an error.',
          )
        : t('No call is running on it; one that begins before you answer ends with an error.'),
      t('It starts afresh: what it keeps in its memory is lost, and its breaker is reset.'),
    ];
    return lines.map(escapeMarkdown).join('\n\n');
  }
}
