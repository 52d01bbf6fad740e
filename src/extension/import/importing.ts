import { homedir, platform } from 'node:os';
import { dirname, join } from 'node:path';
import * as vscode from 'vscode';
import { DisposableStore, type Disposable } from '../../shared/base/disposable.ts';
import type { ConfiguredServer } from '../config/mergeServers.ts';
import { RecordFolder } from '../inputs/recordFolder.ts';
import type { Translate } from '../translate.ts';
import { refusalOf, serversOf } from './adopt.ts';
import { Adoptions } from './adoptions.ts';
import { readText } from './files.ts';
import { LastImport } from './lastImport.ts';
import { Preview } from './preview.ts';
import type { FoundServer } from './readSource.ts';
import type { SettingsScope } from './settingsAccess.ts';
import { importSources, type ImportSource } from './sources.ts';

export interface FoundInSource {
  readonly source: ImportSource;
  readonly server: FoundServer;
}

export interface ImportingOptions {
  readonly servers: () => readonly ConfiguredServer[];
  readonly keepSecret: (scope: SettingsScope, id: string, value: string) => Promise<void>;
  readonly forgetSecret: (scope: SettingsScope, id: string) => Promise<void>;
  readonly log: (message: string) => void;
}

/** What the commands of import and adoption work with. */
export class Importing implements Disposable {
  readonly preview: Preview;
  readonly adoptions: Adoptions;
  readonly lastImport: LastImport;
  readonly #store = new DisposableStore();
  readonly #context: vscode.ExtensionContext;
  readonly #options: ImportingOptions;

  constructor(context: vscode.ExtensionContext, t: Translate, options: ImportingOptions) {
    this.#context = context;
    this.#options = options;
    this.preview = this.#store.add(new Preview(t));
    this.adoptions = new Adoptions(
      context.secrets,
      new RecordFolder(join(context.globalStorageUri.fsPath, 'adoptions')),
    );
    this.lastImport = new LastImport(context.secrets, context.workspaceState);
  }

  /** Every server of the settings, whatever its scope. */
  serverNames(): readonly string[] {
    return this.#options.servers().map(({ name }) => name);
  }

  /** Those, and what VS Code has of its own: of two servers with one name it switches one off. */
  async takenNames(): Promise<readonly string[]> {
    const texts = await Promise.all(
      this.editorFiles().map(({ file }) => readText(file).catch(() => undefined)),
    );
    const own = texts.flatMap((text) => {
      const read = text === undefined ? undefined : serversOf(text);
      return read === undefined || 'problem' in read ? [] : Object.keys(read.servers);
    });
    return [...this.serverNames(), ...own];
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

  forgetSecret(scope: SettingsScope, id: string): Promise<void> {
    return this.#options.forgetSecret(scope, id);
  }

  keepSecret(scope: SettingsScope, id: string, value: string): Promise<void> {
    return this.#options.keepSecret(scope, id, value);
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
