import { registerHooks } from 'node:module';
import { join } from 'node:path';

/**
 * As much of the module `vscode` as commands need, for tests outside the editor: every window function is noted and answered as if the
 * person had looked away. `loadWithFakeVscode` must come before the first import of a module that imports `vscode`.
 */
export const shown: { readonly what: string; readonly args: readonly unknown[] }[] = [];
export const registered = new Map<string, (argument: unknown) => unknown>();

const disposable = { dispose: () => undefined };
const noEvent = () => disposable;
const note =
  (what: string) =>
  (...args: unknown[]): Promise<undefined> => {
    shown.push({ what, args });
    return Promise.resolve(undefined);
  };

/** A namespace whose functions do nothing but be noted, but for those that are given. */
function namespace(name: string, given: Record<string, unknown> = {}): object {
  return new Proxy(given, {
    get: (target, member) =>
      typeof member !== 'string'
        ? undefined
        : Object.hasOwn(target, member)
          ? target[member]
          : note(`${name}.${member}`),
  });
}

function createQuickPick(): object {
  const onHide: (() => void)[] = [];
  const noteShown = note('quickPick.show');
  return {
    items: [],
    activeItems: [],
    selectedItems: [],
    onDidAccept: noEvent,
    onDidTriggerItemButton: noEvent,
    onDidTriggerButton: noEvent,
    onDidHide: (listener: () => void) => {
      onHide.push(listener);
      return disposable;
    },
    // Whoever is shown it looks away.
    show: () => {
      void noteShown().then(() => {
        for (const listener of onHide) listener();
      });
    },
    hide: note('quickPick.hide'),
    dispose: () => undefined,
  };
}

class Plain {
  readonly args: readonly unknown[];
  constructor(...args: unknown[]) {
    this.args = args;
  }
}

/** An address of a file, as far as files are read and written by it. */
export class FakeUri {
  readonly scheme: string;
  readonly path: string;
  constructor(scheme: string, path: string) {
    this.scheme = scheme;
    this.path = path;
  }
  static file(path: string): FakeUri {
    return new FakeUri('file', path);
  }
  static parse(text: string): FakeUri {
    const [scheme = '', path = ''] = text.split(/:(?:\/\/)?(.*)/s);
    return new FakeUri(scheme, path);
  }
  static from({ scheme, path = '' }: { scheme: string; path?: string }): FakeUri {
    return new FakeUri(scheme, path);
  }
  static joinPath(uri: FakeUri, ...parts: string[]): FakeUri {
    return new FakeUri(uri.scheme, join(uri.path, ...parts));
  }
  get fsPath(): string {
    return this.path;
  }
  toString(): string {
    return `${this.scheme}://${this.path}`;
  }
}

export class FakeFileSystemError extends Error {
  readonly code: string;
  constructor(code: string, path: string) {
    super(`${code} (FileSystemError): ${path}`);
    this.code = code;
  }
}

const fake = {
  window: namespace('window', { createQuickPick }),
  workspace: namespace('workspace', { onDidChangeConfiguration: noEvent }),
  env: namespace('env'),
  commands: namespace('commands', {
    registerCommand: (id: string, handler: (argument: unknown) => unknown) => {
      registered.set(id, handler);
      return disposable;
    },
  }),
  ConfigurationTarget: { Global: 1, Workspace: 2, WorkspaceFolder: 3 },
  ThemeIcon: Plain,
  ThemeColor: Plain,
  MarkdownString: Plain,
  LanguageModelTextPart: Plain,
  LanguageModelToolResult: Plain,
  CancellationError: class extends Error {},
  QuickPickItemKind: { Separator: -1, Default: 0 },
  ProgressLocation: { SourceControl: 1, Window: 10, Notification: 15 },
  LogLevel: { Off: 0, Trace: 1, Debug: 2, Info: 3, Warning: 4, Error: 5 },
  ViewColumn: { Active: -1, Beside: -2 },
  Uri: FakeUri,
  FileType: { Unknown: 0, File: 1, Directory: 2, SymbolicLink: 64 },
  FileSystemError: FakeFileSystemError,
  TabInputTextDiff: class extends Plain {},
};

/** What a test may give other answers; it takes them back afterwards. */
export const fakeOfTests: Pick<typeof fake, 'window' | 'workspace' | 'commands'> = fake;

/** Imports a module of the extension with the fake in the editor's place. */
export async function loadWithFakeVscode<T>(load: () => Promise<T>): Promise<T> {
  (globalThis as Record<string, unknown>)['fakeVscodeOfTests'] = fake;
  const source = Object.keys(fake)
    .map((name) => `export const ${name} = globalThis.fakeVscodeOfTests.${name};`)
    .join('\n');
  const hooks = registerHooks({
    resolve: (specifier, context, next) =>
      specifier === 'vscode'
        ? { url: `data:text/javascript,${encodeURIComponent(source)}`, shortCircuit: true }
        : next(specifier, context),
  });
  try {
    return await load();
  } finally {
    hooks.deregister();
  }
}
