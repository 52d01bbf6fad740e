import { homedir, platform } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { DisposableStore, type Disposable } from '../../shared/base/disposable.ts';
import type { ConfiguredServer } from '../config/mergeServers.ts';
import { RecordFolder } from '../inputs/recordFolder.ts';
import type { Translate } from '../translate.ts';
import { refusalOf, serversOf } from './adopt.ts';
import { Adoptions } from './adoptions.ts';
import { readText } from './files.ts';
import { LastImport } from './lastImport.ts';
import { inOwnFolder, type NamedFolder } from './ownFolder.ts';
import { Preview } from './preview.ts';
import type { FoundServer } from './readSource.ts';
import { restrictionOf } from './restricted.ts';
import type { SettingsScope } from './settingsAccess.ts';
import { importSources, type ImportSource } from './sources.ts';

export interface FoundInSource {
  readonly source: ImportSource;
  readonly server: FoundServer;
}

/** An `mcp.json` that VS Code reads here. */
export interface EditorFile {
  readonly file: vscode.Uri;
  readonly scope: SettingsScope;
  /** The workspace folder it is in. */
  readonly folder: string | undefined;
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
  readonly #t: Translate;

  constructor(context: vscode.ExtensionContext, t: Translate, options: ImportingOptions) {
    this.#context = context;
    this.#t = t;
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
    return [...this.serverNames(), ...(await this.editorNames())];
  }

  /** What VS Code has of its own, but for those of one file. */
  async editorNames(except?: vscode.Uri): Promise<readonly string[]> {
    const files = this.editorFiles().filter(({ file }) => file.toString() !== except?.toString());
    const texts = await Promise.all(files.map(({ file }) => readText(file).catch(() => undefined)));
    return texts.flatMap((text) => {
      const read = text === undefined ? undefined : serversOf(text);
      return read === undefined || 'problem' in read ? [] : Object.keys(read.servers);
    });
  }

  /** The `mcp.json` files that VS Code itself reads here. */
  editorFiles(): readonly EditorFile[] {
    return this.#sources()
      .filter(({ format }) => format === 'vscode')
      .map(({ path, scope, folder }) => ({ file: vscode.Uri.file(path), scope, folder }));
  }

  /** The folders of this workspace that are on a disk. */
  folders(): readonly NamedFolder[] {
    return (vscode.workspace.workspaceFolders ?? [])
      .filter(({ uri }) => uri.scheme === 'file')
      .map(({ uri, name }) => ({ name, path: uri.fsPath }));
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
        found.push(...read.servers.map((server) => ({ source, server: this.#placed(server, source) })));
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

  #placed(server: FoundServer, { folder, scope }: ImportSource): FoundServer {
    if (server.entry === undefined) return server;
    const restriction = restrictionOf(scope, this.#t);
    if (restriction !== undefined) return { ...server, entry: undefined, reason: restriction };
    const placed = inOwnFolder(server.entry, folder, this.folders());
    return 'entry' in placed
      ? { ...server, entry: placed.entry }
      : { ...server, entry: undefined, reason: `It ${placed.reason.replace(/^it /, '')}` };
  }

  /** Where the user's settings are, if that is on this machine's disk. */
  get userFolder(): vscode.Uri | undefined {
    const { globalStorageUri } = this.#context;
    // `…/User/globalStorage/<extension>`
    return globalStorageUri.scheme === 'file' ? vscode.Uri.joinPath(globalStorageUri, '..', '..') : undefined;
  }

  #sources(): readonly ImportSource[] {
    return importSources({
      platform: platform(),
      home: homedir(),
      env: process.env,
      userFolder: this.userFolder?.fsPath,
      workspaceFolders: this.folders().map(({ path }) => path),
    });
  }
}
