import * as vscode from 'vscode';
import type { Clock } from '../../shared/base/clock.ts';
import { DisposableStore, toDisposable, type Disposable } from '../../shared/base/disposable.ts';
import { Emitter, type Event } from '../../shared/base/emitter.ts';
import { settingsPrefix } from '../../shared/contributions.ts';
import {
  mergeSettings,
  type ExtensionConfiguration,
  type RawSettings,
  type ScopedValue,
} from './mergeServers.ts';

/** Typing in a settings file changes it at every key; the servers wait until the hand rests. */
const DEBOUNCE_MS = 200;

/** The extension's settings, read with their scopes apart, and an event when what was read differs. */
export class SettingsReader implements Disposable {
  readonly #clock: Clock;
  readonly #store = new DisposableStore();
  readonly #changed: Emitter<ExtensionConfiguration>;
  #pending: Disposable = toDisposable(() => undefined);
  #current: ExtensionConfiguration;
  #fingerprint: string;

  constructor(clock: Clock, onListenerError: (error: unknown) => void) {
    this.#clock = clock;
    this.#changed = this.#store.add(new Emitter<ExtensionConfiguration>(onListenerError));
    this.#current = mergeSettings(readRaw());
    this.#fingerprint = JSON.stringify(this.#current);
    this.#store.add(
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration(settingsPrefix)) this.#reloadSoon();
      }),
    );
    this.#store.add(vscode.workspace.onDidGrantWorkspaceTrust(() => this.#reload()));
    this.#store.add(vscode.workspace.onDidChangeWorkspaceFolders(() => this.#reloadSoon()));
    this.#store.add(toDisposable(() => this.#pending.dispose()));
  }

  /** What the settings say now (as of the last event). */
  get current(): ExtensionConfiguration {
    return this.#current;
  }

  get onDidChange(): Event<ExtensionConfiguration> {
    return this.#changed.event;
  }

  dispose(): void {
    this.#store.dispose();
  }

  #reloadSoon(): void {
    this.#pending.dispose();
    this.#pending = this.#clock.setTimer(DEBOUNCE_MS, () => this.#reload());
  }

  #reload(): void {
    this.#pending.dispose();
    const next = mergeSettings(readRaw());
    const fingerprint = JSON.stringify(next);
    if (fingerprint === this.#fingerprint) return;
    this.#current = next;
    this.#fingerprint = fingerprint;
    this.#changed.fire(next);
  }
}

function readRaw(): RawSettings {
  const folders = vscode.workspace.workspaceFolders ?? [];
  return {
    servers: inspect('servers', folders),
    connection: inspect('connection', folders),
    workspaceFolder: folders.find((folder) => folder.uri.scheme === 'file')?.uri.fsPath,
    trusted: vscode.workspace.isTrusted,
  };
}

/** Values as set, never the effective one: that is mixed across scopes, and holds the defaults too. */
function inspect(key: string, folders: readonly vscode.WorkspaceFolder[]): ScopedValue {
  const values = vscode.workspace.getConfiguration(settingsPrefix).inspect<unknown>(key);
  return {
    user: plain(values?.globalValue),
    workspace: plain(values?.workspaceValue),
    folders:
      folders.length < 2
        ? []
        : folders.map((folder) => ({
            path: folder.uri.fsPath,
            value: plain(
              vscode.workspace.getConfiguration(settingsPrefix, folder.uri).inspect<unknown>(key)
                ?.workspaceFolderValue,
            ),
          })),
  };
}

/** A copy of plain data: what the editor hands out may be a proxy that cannot be sent. */
function plain(value: unknown): unknown {
  return value === undefined ? undefined : (JSON.parse(JSON.stringify(value)) as unknown);
}
