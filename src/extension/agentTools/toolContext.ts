import * as vscode from 'vscode';
import type { Clock } from '../../shared/base/clock.ts';
import type { EngineClient } from '../engineClient/engineClient.ts';
import type { HealthModel } from '../health/healthModel.ts';
import type { Translate } from '../translate.ts';

/** What the tools for agents work with. */
export interface ToolContext {
  readonly clock: Clock;
  readonly engine: Pick<EngineClient, 'status' | 'getSnapshot' | 'recover'>;
  readonly model: Pick<HealthModel, 'view'>;
  readonly t: Translate;
}

export function textResult(text: string): vscode.LanguageModelToolResult {
  return new vscode.LanguageModelToolResult([new vscode.LanguageModelTextPart(text)]);
}
