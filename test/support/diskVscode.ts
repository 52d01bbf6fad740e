import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fakeOfTests, FakeFileSystemError, FakeUri } from './fakeVscode.ts';

/** The parts of `vscode` that import and adopt work with: files on a real disk, settings of the user in memory, and a person who answers. */
export class DiskVscode {
  readonly home: string;
  /** What was said, the question of a preview too. */
  readonly messages: string[] = [];
  /** The titles of what was shown as a diff. */
  readonly diffs: string[] = [];
  /** Labels of each list that was shown. */
  readonly lists: string[][] = [];
  /** The settings of the user: `mcpLifeline.servers` and `mcpLifeline.inputs`. */
  userSettings: Record<string, unknown> = {};
  /** What becomes of each list; the default looks away. */
  pick: (items: readonly { readonly label: string }[], many: boolean) => unknown = () => undefined;
  /** The answer to the question below a preview. */
  answer: 'Apply' | 'Cancel' | undefined = undefined;
  /** Files that the system does not let anybody read. */
  readonly locked = new Set<string>();

  constructor(home: string, folders: readonly { readonly name: string; readonly path: string }[]) {
    this.home = home;
    const { window, workspace, commands } = fakeOfTests;
    Object.assign(workspace, {
      workspaceFolders: folders.map(({ name, path }) => ({ name, uri: FakeUri.file(path) })),
      workspaceFile: folders.length > 1 ? FakeUri.file(join(home, 'several.code-workspace')) : undefined,
      textDocuments: [],
      fs: this.#fs(),
      getConfiguration: () => this.#configuration(),
      registerTextDocumentContentProvider: () => ({ dispose: () => undefined }),
    });
    const say = (message: string, ...actions: unknown[]): Promise<unknown> => {
      this.messages.push(message);
      return Promise.resolve(actions.includes('Apply') ? this.answer : undefined);
    };
    Object.assign(window, {
      showInformationMessage: say,
      showWarningMessage: say,
      showErrorMessage: say,
      showQuickPick: (
        items: { label: string }[],
        { canPickMany = false }: { canPickMany?: boolean } = {},
      ) => {
        this.lists.push(items.map(({ label }) => label));
        return Promise.resolve(this.pick(items, canPickMany));
      },
      tabGroups: { all: [], close: () => Promise.resolve(true) },
    });
    Object.assign(commands, {
      executeCommand: (id: string, ...args: unknown[]) => {
        if (id === 'vscode.diff') this.diffs.push(String(args[2]));
        return Promise.resolve(undefined);
      },
    });
  }

  /** Every file below the home folder, by the digest of its bytes, and where links lead. */
  snapshot(): Map<string, string> {
    const found = new Map<string, string>();
    const look = (folder: string): void => {
      for (const name of readdirSync(folder)) {
        const path = join(folder, name);
        const stat = lstatSync(path);
        if (stat.isSymbolicLink()) found.set(path, `-> ${readlinkSync(path)}`);
        else if (stat.isDirectory()) {
          found.set(path, 'folder');
          look(path);
        } else found.set(path, createHash('sha256').update(readFileSync(path)).digest('hex'));
      }
    };
    look(this.home);
    return found;
  }

  dispose(): void {
    const { window, workspace, commands } = fakeOfTests;
    for (const key of [
      'workspaceFolders',
      'workspaceFile',
      'textDocuments',
      'fs',
      'getConfiguration',
      'registerTextDocumentContentProvider',
    ])
      Reflect.deleteProperty(workspace, key);
    for (const key of [
      'showInformationMessage',
      'showWarningMessage',
      'showErrorMessage',
      'showQuickPick',
      'tabGroups',
    ])
      Reflect.deleteProperty(window, key);
    Reflect.deleteProperty(commands, 'executeCommand');
  }

  #configuration(): object {
    return {
      inspect: (key: string) => ({
        globalLocalValue: this.userSettings[key],
        globalValue: this.userSettings[key],
      }),
      update: (key: string, value: unknown) => {
        if (value === undefined) Reflect.deleteProperty(this.userSettings, key);
        else this.userSettings[key] = structuredClone(value);
        return Promise.resolve();
      },
    };
  }

  #fs(): object {
    const open = (uri: FakeUri): string => {
      if (this.locked.has(uri.fsPath)) throw new FakeFileSystemError('NoPermissions', uri.fsPath);
      if (lstatSync(uri.fsPath, { throwIfNoEntry: false }) === undefined)
        throw new FakeFileSystemError('FileNotFound', uri.fsPath);
      return uri.fsPath;
    };
    return {
      // As the editor's: a link that leads nowhere is there, and is of no type.
      stat: async (uri: FakeUri) => {
        await Promise.resolve();
        const path = open(uri);
        const link = lstatSync(path).isSymbolicLink() ? 64 : 0;
        if (!existsSync(path)) return { type: link, size: 0 };
        const stat = statSync(path);
        const type = stat.isFile() ? 1 : stat.isDirectory() ? 2 : 0;
        return { type: type | link, size: stat.size };
      },
      readFile: async (uri: FakeUri) => {
        await Promise.resolve();
        return new Uint8Array(readFileSync(open(uri)));
      },
      writeFile: async (uri: FakeUri, bytes: Uint8Array) => {
        await Promise.resolve();
        mkdirSync(dirname(uri.fsPath), { recursive: true });
        writeFileSync(uri.fsPath, bytes);
      },
      delete: async (uri: FakeUri) => {
        await Promise.resolve();
        unlinkSync(open(uri));
      },
    };
  }
}

/** Deletes what a test made. */
export function removeFolder(path: string): void {
  rmSync(path, { recursive: true, force: true });
}
