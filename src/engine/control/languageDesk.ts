import type { Clock } from '../../shared/base/clock.ts';
import type { Disposable } from '../../shared/base/disposable.ts';
import type { LanguageFeatures } from '../language/languageFeatures.ts';
import type { LoginShell } from '../upstream/loginShell.ts';
import { TextDocumentSyncKind, type Connection, type ServerCapabilities } from './languageServer.ts';

export interface LanguageDeskDeps {
  readonly clock: Clock;
  readonly environment: NodeJS.ProcessEnv;
  readonly loginShell: Pick<LoginShell, 'environment'>;
  readonly workspaceFolder: () => string | undefined;
  readonly configured: () => readonly string[];
  readonly onError: (error: unknown) => void;
}

/** What the engine tells a language client that it can do. */
export const languageCapabilities: ServerCapabilities = {
  // Whole texts: the client sends them a moment after the last change, and such documents are small.
  textDocumentSync: { openClose: true, change: TextDocumentSyncKind.Full },
  hoverProvider: true,
  codeLensProvider: { resolveProvider: false },
  codeActionProvider: { codeActionKinds: ['quickfix'] },
  completionProvider: { triggerCharacters: ['$', '{', ':'] },
};

/** Serves the language features of one client. Their code is loaded with the first document. */
export function serveLanguage(connection: Connection, deps: LanguageDeskDeps): Disposable {
  let features: Promise<LanguageFeatures> | undefined;
  let isOver = false;
  const load = async (): Promise<LanguageFeatures> => {
    const { LanguageFeatures: Features } = await import('../language/languageFeatures.ts');
    return new Features({
      ...deps,
      publish: (params) => {
        // A client that is just leaving takes nothing more.
        if (!isOver) connection.sendDiagnostics(params).catch(() => undefined);
      },
    });
  };
  // One promise, so that everything is done in the order in which it came.
  const use = (action: (features: LanguageFeatures) => void): void => {
    features ??= load();
    features.then((loaded) => (isOver ? undefined : action(loaded))).catch(deps.onError);
  };
  const ask = async <R>(nothing: R, action: (features: LanguageFeatures) => R | Promise<R>): Promise<R> =>
    features === undefined || isOver ? nothing : action(await features);
  connection.onDidOpenTextDocument(({ textDocument: { uri, version, text } }) =>
    use((loaded) => loaded.open(uri, version, text)),
  );
  connection.onDidChangeTextDocument(({ textDocument: { uri, version }, contentChanges }) => {
    const whole = contentChanges.at(-1);
    if (whole !== undefined && !('range' in whole)) use((loaded) => loaded.change(uri, version, whole.text));
  });
  connection.onDidCloseTextDocument(({ textDocument: { uri } }) => use((loaded) => loaded.close(uri)));
  connection.onHover(({ textDocument: { uri }, position }) =>
    ask(null, (loaded) => loaded.hover(uri, position)),
  );
  connection.onCodeLens(({ textDocument: { uri } }) => ask([], (loaded) => loaded.lenses(uri)));
  connection.onCodeAction(
    async ({ textDocument: { uri }, range }) =>
      ask<object[]>([], (loaded) => loaded.actions(uri, range)) as Promise<never[]>,
  );
  connection.onCompletion(
    async ({ textDocument: { uri }, position }) =>
      ask<object[]>([], (loaded) => loaded.completions(uri, position)) as Promise<never[]>,
  );
  return {
    dispose: () => {
      isOver = true;
      features?.then((loaded) => loaded.dispose()).catch(() => undefined);
    },
  };
}
