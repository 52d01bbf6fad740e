import { createHash } from 'node:crypto';
import { homedir, platform } from 'node:os';
import { dirname, join } from 'node:path';
import * as vscode from 'vscode';
import { DisposableStore, type Disposable } from '../../shared/base/disposable.ts';
import type { ConfiguredServer } from '../config/mergeServers.ts';
import type { Translate } from '../translate.ts';
import { refusalOf, serversOf } from './adopt.ts';
import { Adoptions } from './adoptions.ts';
import { readText } from './files.ts';
import { Preview } from './preview.ts';
import type { FoundServer } from './readSource.ts';
import type { SettingsScope } from './settingsAccess.ts';
import type { SettingsPart } from './settingsPart.ts';
import { importSources, type ImportSource } from './sources.ts';

const LAST_IMPORT_KEY = 'mcpLifeline.lastImport';

export interface FoundInSource {
  readonly source: ImportSource;
  readonly server: FoundServer;
}

interface SavedImport {
  readonly scope: SettingsScope;
  /** With a digest of the entry, so that one that was changed since is not deleted. */
  readonly servers: readonly { readonly name: string; readonly digest: string }[];
  /** Ids. */
  readonly inputs: readonly string[];
}

/** What the commands of import and adoption work with. */
export class Importing implements Disposable {
  readonly preview: Preview;
  readonly adoptions: Adoptions;
  readonly #store = new DisposableStore();
  readonly #context: vscode.ExtensionContext;
  readonly #options: {
    readonly servers: () => readonly ConfiguredServer[];
    readonly keepSecret: (scope: SettingsScope, id: string, value: string) => Promise<void>;
    readonly log: (message: string) => void;
  };

  constructor(
    context: vscode.ExtensionContext,
    t: Translate,
    options: {
      readonly servers: () => readonly ConfiguredServer[];
      readonly keepSecret: (scope: SettingsScope, id: string, value: string) => Promise<void>;
      readonly log: (message: string) => void;
    },
  ) {
    this.#context = context;
    this.#options = options;
    this.preview = this.#store.add(new Preview(t));
    this.adoptions = new Adoptions(context.secrets, context.globalState);
  }

  /** Every server of the settings, whatever its scope. */
  serverNames(): readonly string[] {
    return this.#options.servers().map(({ name }) => name);
  }

  /** The `mcp.json` files that VS Code itself reads here. */
  editorFiles(): readonly { readonly file: vscode.Uri; readonly scope: SettingsScope }[] {
    return this.#sources()
      .filter(({ format }) => format === 'vscode')
      .map(({ path, scope }) => ({ file: vscode.Uri.file(path), scope }));
  }

  /** Which entries of a file that is open can be taken over; of one that cannot be read now, none. */
  adoptable(file: vscode.Uri, text: string): (name: string) => boolean {
    // The user's file has an address of another scheme while it is edited.
    if (!this.editorFiles().some((own) => own.file.path === file.path)) return () => false;
    const read = serversOf(text);
    return (name) => !('problem' in read) && refusalOf(name, read.servers[name]) === undefined;
  }

  /** What other clients have. Files that cannot be read are told, and the rest goes on. */
  async find(): Promise<{ readonly found: readonly FoundInSource[]; readonly problems: readonly string[] }> {
    const problems: string[] = [];
    const found: FoundInSource[] = [];
    // Its TOML parser is loaded when somebody imports.
    const { readSource } = await import('./readSource.ts');
    for (const source of this.#sources()) {
      try {
        const text = await readText(vscode.Uri.file(source.path));
        if (text === undefined) continue;
        const read = readSource(text, source.format);
        problems.push(...read.problems.map((problem) => `${source.path}: ${problem}`));
        found.push(...read.servers.map((server) => ({ source, server })));
      } catch (error) {
        problems.push(`${source.path}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    for (const problem of problems) this.#options.log(problem);
    return { found, problems };
  }

  keepSecret(scope: SettingsScope, id: string, value: string): Promise<void> {
    return this.#options.keepSecret(scope, id, value);
  }

  digestOf(entry: unknown): string {
    return createHash('sha256').update(JSON.stringify(entry)).digest('hex').slice(0, 32);
  }

  async noteImport(
    parts: readonly { readonly scope: SettingsScope; readonly additions: SettingsPart }[],
  ): Promise<void> {
    const saved = parts.map(({ scope, additions }): SavedImport => ({
      scope,
      servers: Object.entries(additions.servers).map(([name, entry]) => ({
        name,
        digest: this.digestOf(entry),
      })),
      inputs: additions.inputs.map((input) => String((input as { id?: unknown }).id)),
    }));
    await this.#context.workspaceState.update(LAST_IMPORT_KEY, saved);
  }

  lastImport(): readonly SavedImport[] {
    const saved = this.#context.workspaceState.get<unknown>(LAST_IMPORT_KEY);
    return Array.isArray(saved) ? (saved as SavedImport[]).filter(isSavedImport) : [];
  }

  dispose(): void {
    this.#store.dispose();
  }

  #sources(): readonly ImportSource[] {
    const { globalStorageUri } = this.#context;
    return importSources({
      platform: platform(),
      home: homedir(),
      env: process.env,
      // `…/User/globalStorage/<extension>`
      userFolder: globalStorageUri.scheme === 'file' ? dirname(dirname(globalStorageUri.fsPath)) : undefined,
      workspaceFolders: (vscode.workspace.workspaceFolders ?? [])
        .filter(({ uri }) => uri.scheme === 'file')
        .map(({ uri }) => join(uri.fsPath)),
    });
  }
}

/** Saved state is read as untrusted. */
function isSavedImport(saved: unknown): boolean {
  if (typeof saved !== 'object' || saved === null) return false;
  const { scope, servers, inputs } = saved as Record<string, unknown>;
  return (
    (scope === 'user' || scope === 'workspace') &&
    Array.isArray(servers) &&
    servers.every((server) => typeof (server as { name?: unknown } | null)?.name === 'string') &&
    Array.isArray(inputs)
  );
}
