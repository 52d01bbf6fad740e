import type * as vscode from 'vscode';
import { viewNow } from '../health/viewNow.ts';
import { healthText } from './healthText.ts';
import { textResult, type ToolContext } from './toolContext.ts';
import { parseHealthInput } from './toolInput.ts';

/** A model reads about so many characters as 2,000 tokens. */
const MAX_LENGTH = 8_000;
/** Less says nothing. */
const MIN_LENGTH = 200;

/** `#mcpHealth`: how the servers are. Changes nothing, and needs no engine. */
export class HealthTool implements vscode.LanguageModelTool<unknown> {
  readonly #context: ToolContext;

  constructor(context: ToolContext) {
    this.#context = context;
  }

  prepareInvocation(): vscode.PreparedToolInvocation {
    return { invocationMessage: this.#context.t('Reading the health of MCP servers') };
  }

  async invoke(
    options: vscode.LanguageModelToolInvocationOptions<unknown>,
    token: vscode.CancellationToken,
  ): Promise<vscode.LanguageModelToolResult> {
    const { clock, t } = this.#context;
    const input = parseHealthInput(options.input);
    if (input === undefined) throw new Error(t('The input is { "server"?: string }, and nothing else.'));
    const view = await viewNow(this.#context);
    const { tokenizationOptions: budget } = options;
    let maxLength = MAX_LENGTH;
    for (;;) {
      const text = healthText(view, { ...input, now: clock.wallNow(), maxLength });
      if (budget === undefined || maxLength <= MIN_LENGTH) return textResult(text);
      if ((await budget.countTokens(text, token)) <= budget.tokenBudget) return textResult(text);
      maxLength = Math.floor(Math.min(text.length, maxLength) / 2);
    }
  }
}
