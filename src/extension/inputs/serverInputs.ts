import * as vscode from 'vscode';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { commands } from '../../shared/contributions.ts';
import type { GivenInputs, NeededInputs } from '../../shared/protocol/engineMessages.ts';
import type { InputDefinition } from '../../shared/settings/inputs.ts';
import type { ServerInput } from '../config/mergeServers.ts';
import type { Translate } from '../translate.ts';
import { InputAnswers } from './inputAnswers.ts';
import { promptForInput } from './inputPrompt.ts';
import { InputStore } from './inputStore.ts';
import { RecordFolder } from './recordFolder.ts';

/** The values that servers' entries leave to a person, as commands and the engine's client use them. */
export interface ServerInputs {
  answer(needed: NeededInputs): Promise<GivenInputs>;
  enter(server: string, id: string): Promise<boolean>;
  stateOf(server: string): Promise<readonly { readonly input: InputDefinition; readonly isGiven: boolean }[]>;
  serversWithInputs(): readonly string[];
  /** A secret that a file held in the open. */
  keepSecret(scope: 'user' | 'workspace', id: string, value: string): Promise<void>;
  /** Takes `keepSecret` back. */
  forgetSecret(scope: 'user' | 'workspace', id: string): Promise<void>;
  clear(): Promise<number>;
  /** All that are kept, to be taken out of texts. */
  secretValues(): Promise<readonly string[]>;
}

/** Puts store, prompt and notification together. */
export function makeServerInputs(
  context: vscode.ExtensionContext,
  options: {
    readonly inputs: () => readonly ServerInput[];
    readonly tellEngine: (servers: readonly string[], forget: boolean) => void;
    readonly onError: (error: unknown) => void;
    readonly t: Translate;
  },
): ServerInputs {
  const { inputs, tellEngine, onError, t } = options;
  const { workspaceFile, workspaceFolders = [] } = vscode.workspace;
  const workspace = workspaceFile?.toString() ?? workspaceFolders.map(({ uri }) => uri.toString()).join('\n');
  const store = new InputStore({
    secrets: context.secrets,
    records: new RecordFolder(join(context.globalStorageUri.fsPath, 'inputs')),
    workspaceId: createHash('sha256').update(workspace).digest('hex').slice(0, 16),
  });
  // Once for a server while the window lives; the tree has the action for as long as it is needed.
  const told = new Set<string>();
  const onWanted = (server: string, wanted: readonly InputDefinition[]): void => {
    if (told.has(server)) return;
    told.add(server);
    const enter = t('Enter Value…');
    const names = wanted.map(({ id, description }) => (description === '' ? id : description)).join(', ');
    void vscode.window
      .showInformationMessage(
        t('The MCP server "{0}" needs a value before it can start: {1}', server, names.slice(0, 300)),
        enter,
      )
      .then((chosen) =>
        chosen === enter ? vscode.commands.executeCommand(commands.enterInput, server) : undefined,
      )
      .then(undefined, onError);
  };
  const answers = new InputAnswers({
    inputs,
    store,
    prompt: (input, server, current) => promptForInput(input, server, current, t),
    onWanted,
    tellEngine: (servers) => tellEngine(servers, false),
  });
  const serversWithInputs = (): readonly string[] => [...new Set(inputs().map(({ server }) => server))];
  return {
    answer: (needed) => answers.answer(needed),
    enter: (server, id) => answers.enter(server, id),
    stateOf: (server) => answers.stateOf(server),
    serversWithInputs,
    keepSecret: (scope, id, value) => store.set({ scope, id }, true, value),
    secretValues: () => store.secretValues(),
    forgetSecret: (scope, id) => store.delete({ scope, id }),
    async clear() {
      const count = await store.clear();
      tellEngine(serversWithInputs(), true);
      return count;
    },
  };
}
