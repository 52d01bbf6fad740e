import * as vscode from 'vscode';
import { DisposableStore, type Disposable } from '../../shared/base/disposable.ts';
import { providerId } from '../../shared/contributions.ts';
import type { ConfiguredServer } from '../config/mergeServers.ts';
import { definitionsOf, sameDefinitions, type BridgeDefinition } from './definitions.ts';

export interface DefinitionProviderOptions {
  readonly bridgePath: string;
  readonly window: string;
  readonly servers: () => readonly ConfiguredServer[];
  readonly versionOf: (server: string) => string | undefined;
  readonly onError: (error: unknown) => void;
}

/**
 * Tells VS Code which servers there are. Answers at once, from the settings alone: the editor waits for it
 * without limit, and a throw would lose all servers.
 */
export class DefinitionProvider implements Disposable {
  readonly #options: DefinitionProviderOptions;
  readonly #store = new DisposableStore();
  readonly #changed = new vscode.EventEmitter<void>();
  #announced: readonly BridgeDefinition[] = [];

  constructor(options: DefinitionProviderOptions) {
    this.#options = options;
    this.#announced = this.#compute();
    this.#store.add(this.#changed);
    this.#store.add(
      vscode.lm.registerMcpServerDefinitionProvider(providerId, {
        onDidChangeMcpServerDefinitions: this.#changed.event,
        provideMcpServerDefinitions: () => this.#provide(),
      }),
    );
  }

  /** Has VS Code ask again if, and only if, the definitions differ. Answers whether they did. */
  refresh(): boolean {
    const next = this.#compute();
    if (sameDefinitions(next, this.#announced)) return false;
    this.#announced = next;
    this.#changed.fire();
    return true;
  }

  dispose(): void {
    this.#store.dispose();
  }

  #compute(): readonly BridgeDefinition[] {
    return definitionsOf(this.#options.servers(), this.#options);
  }

  #provide(): vscode.McpStdioServerDefinition[] {
    try {
      this.#announced = this.#compute();
      return this.#announced.map(
        ({ label, args, version }) =>
          new vscode.McpStdioServerDefinition(
            label,
            process.execPath,
            [...args],
            { ELECTRON_RUN_AS_NODE: '1' },
            version,
          ),
      );
    } catch (error) {
      this.#options.onError(error);
      return [];
    }
  }
}
