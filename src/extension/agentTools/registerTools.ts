import * as vscode from 'vscode';
import { DisposableStore, type Disposable } from '../../shared/base/disposable.ts';
import { agentTools } from '../../shared/contributions.ts';
import type * as FirstUse from '../firstUse.ts';
import { loadFirstUse, onFirstUse } from '../loading.ts';
import type { ToolContext } from './toolContext.ts';

/** The tools of the manifest (requirements R12.6). Their code is loaded when an agent uses one. */
export function registerTools(context: ToolContext): Disposable {
  const store = new DisposableStore();
  const register = (
    name: string,
    make: (library: typeof FirstUse) => Required<vscode.LanguageModelTool<unknown>>,
  ): void => {
    const tool = onFirstUse(async () => make(await loadFirstUse(context.t)));
    store.add(
      vscode.lm.registerTool<unknown>(name, {
        prepareInvocation: async (options, token) => (await tool()).prepareInvocation(options, token),
        invoke: async (options, token) => (await tool()).invoke(options, token),
      }),
    );
  };
  register(agentTools.health, ({ HealthTool }) => new HealthTool(context));
  register(agentTools.recover, ({ RecoverTool }) => new RecoverTool(context));
  return store;
}
