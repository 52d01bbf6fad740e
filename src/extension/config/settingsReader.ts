import { homedir } from 'node:os';
import * as vscode from 'vscode';
import type { Clock } from '../../shared/base/clock.ts';
import { DisposableStore, toDisposable, type Disposable } from '../../shared/base/disposable.ts';
import { Emitter, type Event } from '../../shared/base/emitter.ts';
import { settingsPrefix } from '../../shared/contributions.ts';
import { ConnectionFile } from './connectionFile.ts';
import {
  mergeSettings,
  type ExtensionConfiguration,
  type RawSettings,
  type ServerScopes,
} from './mergeServers.ts';

/** Typing in a settings file changes it at every key; the servers wait until the hand rests. */
const DEBOUNCE_MS = 200;

/** The extension's settings, read with their scopes apart, and an event when what was read differs. */
export class SettingsReader implements Disposable {
  readonly #clock: Clock;
  readonly #store = new DisposableStore();
  readonly #changed: Emitter<ExtensionConfiguration>;
  readonly #file: ConnectionFile;
  #pending: Disposable = toDisposable(() => undefined);
  #current: ExtensionConfiguration;
  #fingerprint: string;

  constructor(clock: Clock, onListenerError: (error: unknown) => void) {
    this.#clock = clock;
    this.#changed = this.#store.add(new Emitter<ExtensionConfiguration>(onListenerError));
    this.#file = this.#store.add(new ConnectionFile(clock, () => this.#reload()));
    this.#current = mergeSettings(this.#readRaw());
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

  #readRaw(): RawSettings {
    const settings = vscode.workspace.getConfiguration(settingsPrefix);
    const raw = readRaw(settings);
    this.#file.use(readConnectionFileSetting(settings), {
      home: homedir(),
      workspaceFolder: raw.workspaceFolder,
      isTrusted: raw.trusted,
    });
    return { ...raw, connectionFile: this.#file.current };
  }

  #reloadSoon(): void {
    this.#pending.dispose();
    this.#pending = this.#clock.setTimer(DEBOUNCE_MS, () => this.#reload());
  }

  #reload(): void {
    this.#pending.dispose();
    const next = mergeSettings(this.#readRaw());
    const fingerprint = JSON.stringify(next);
    if (fingerprint === this.#fingerprint) return;
    this.#current = next;
    this.#fingerprint = fingerprint;
    this.#changed.fire(next);
  }
}

/** What `inspect()` answers; the two parts of `globalValue` are there but not in the API's types (VS Code 1.139). */
type Inspected = ReturnType<vscode.WorkspaceConfiguration['inspect']> & {
  readonly globalLocalValue?: unknown;
  readonly globalRemoteValue?: unknown;
};

/** `settings`: ours, asked for once, because each time VS Code copies them. */
function readRaw(settings: vscode.WorkspaceConfiguration): RawSettings {
  const folders = vscode.workspace.workspaceFolders ?? [];
  const connection = inspect(settings, 'connection');
  return {
    servers: readScopes(settings, 'servers', folders),
    inputs: readScopes(settings, 'inputs', folders),
    folderNames: folders.flatMap((folder) => {
      const path = pathOf(folder);
      return path === undefined ? [] : [{ name: folder.name, path }];
    }),
    connection: { user: plain(connection?.globalValue), workspace: plain(connection?.workspaceValue) },
    // Restricted, so that an untrusted workspace's value is not in it.
    tellRestarts: settings.get('tellRestarts'),
    audit: settings.get('audit'),
    // Of the machine: no workspace can set it.
    otlp: settings.get('telemetry.otlp'),
    auditKeepDays: settings.get('auditKeepDays'),
    alerts: plain(settings.get('alerts')),
    workspaceFolder: folders.map(pathOf).find((path) => path !== undefined),
    trusted: vscode.workspace.isTrusted,
  };
}

/** The file's path as set: the workspace's word counts only where it is trusted (requirements R1.6). */
function readConnectionFileSetting(settings: vscode.WorkspaceConfiguration): unknown {
  const values = inspect(settings, 'connectionFile');
  const own = vscode.workspace.isTrusted ? values?.workspaceValue : undefined;
  return own ?? values?.globalValue;
}

/** Values as set, never the effective one: that is mixed across scopes, and holds the defaults too. */
function readScopes(
  settings: vscode.WorkspaceConfiguration,
  key: 'servers' | 'inputs',
  folders: readonly vscode.WorkspaceFolder[],
): ServerScopes {
  const values = inspect(settings, key);
  const machine = values?.globalRemoteValue;
  return {
    // `globalValue` is both of these, mixed entry by entry. Taken alone it is the only word of an editor that tells less.
    user: plain(values?.globalLocalValue ?? (machine === undefined ? values?.globalValue : undefined)),
    machine: plain(machine),
    workspace: plain(values?.workspaceValue),
    // A workspace with a file has folder settings even with one folder; without one they are the workspace's.
    folders:
      vscode.workspace.workspaceFile === undefined
        ? []
        : folders.map((folder) => ({
            path: pathOf(folder),
            value: plain(inspect(settingsOf(folder), key)?.workspaceFolderValue),
          })),
  };
}

function settingsOf({ uri }: vscode.WorkspaceFolder): vscode.WorkspaceConfiguration {
  return vscode.workspace.getConfiguration(settingsPrefix, uri);
}

function inspect(settings: vscode.WorkspaceConfiguration, key: string): Inspected | undefined {
  return settings.inspect<unknown>(key);
}

/** Where a folder is on this machine's disk, if it is. */
function pathOf({ uri }: vscode.WorkspaceFolder): string | undefined {
  return uri.scheme === 'file' ? uri.fsPath : undefined;
}

/** A copy of plain data: what the editor hands out may be a proxy that cannot be sent. */
function plain(value: unknown): unknown {
  return value === undefined ? undefined : (JSON.parse(JSON.stringify(value)) as unknown);
}
