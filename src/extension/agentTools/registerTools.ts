import * as vscode from 'vscode';
import { DisposableStore, type Disposable } from '../../shared/base/disposable.ts';
import { agentTools } from '../../shared/contributions.ts';
import { HealthTool } from './healthTool.ts';
import { RecoverTool } from './recoverTool.ts';
import type { ToolContext } from './toolContext.ts';

/** The tools of the manifest (requirements R12.6). */
export function registerTools(context: ToolContext): Disposable {
  const store = new DisposableStore();
  store.add(vscode.lm.registerTool(agentTools.health, new HealthTool(context)));
  store.add(vscode.lm.registerTool(agentTools.recover, new RecoverTool(context)));
  return store;
}
