import * as vscode from 'vscode';
import type { DocumentSelector, LanguageClient, Middleware } from 'vscode-languageclient/node';
import type { Clock } from '../../shared/base/clock.ts';
import { DisposableStore, toDisposable, type Disposable } from '../../shared/base/disposable.ts';
import { commands } from '../../shared/contributions.ts';
import {
  MAX_DOCUMENT_LENGTH,
  parseCodedWords,
  parseServerPlace,
} from '../../shared/protocol/languageMessages.ts';
import type { HealthModel } from '../health/healthModel.ts';
import type { Translate } from '../translate.ts';
import { codedSentence, lensTitle, mcpEntryMarkdown, serverMarkdown } from './languageWords.ts';

export interface LanguageSideOptions {
  readonly clock: Clock;
  readonly model: HealthModel;
  readonly t: Translate;
  /** Tells which entries of a file can be taken over. */
  readonly adoptable: (file: vscode.Uri, text: string) => Promise<(name: string) => boolean>;
}

/** The documents that the engine is told of, and nothing else: the settings and `mcp.json` of user, machine, workspace and folders. */
export const languageDocuments: DocumentSelector = [
  { scheme: 'file', pattern: '**/.vscode/{mcp,settings}.json' },
  { scheme: 'file', pattern: '**/*.code-workspace' },
  { scheme: 'file', pattern: '**/{User,Machine}/{mcp,settings}.json' },
  { scheme: 'file', pattern: '**/User/profiles/*/{mcp,settings}.json' },
  { scheme: 'vscode-userdata', pattern: '**/{mcp,settings}.json' },
  { scheme: 'vscode-remote', pattern: '**/{mcp,settings}.json' },
];

/** Lenses are asked for anew at most so often. */
const REFRESH_MS = 1_000;

/**
 * The extension's part of the language features (requirements R12.5), for one language client: the engine finds places, this side has the words
 * and the live health (decision 0072). Without an engine there is nothing here, and the engine's own state is told elsewhere.
 */
export class LanguageSide implements Disposable {
  readonly middleware: Middleware;
  readonly #options: LanguageSideOptions;
  readonly #client: () => LanguageClient;
  readonly #store = new DisposableStore();
  #titles = '';
  #pending: Disposable | undefined;

  constructor(options: LanguageSideOptions, client: () => LanguageClient) {
    this.#options = options;
    this.#client = client;
    this.middleware = this.#makeMiddleware();
    this.#titles = this.#titlesNow();
    this.#store.add(options.model.onDidChange(() => this.#noteChange()));
    this.#store.add(toDisposable(() => this.#pending?.dispose()));
  }

  dispose(): void {
    this.#store.dispose();
  }

  #makeMiddleware(): Middleware {
    const { t } = this.#options;
    return {
      didOpen: async (document, next) => {
        if (!isTooLarge(document)) await next(document);
      },
      didChange: async (change, next) => {
        if (isTooLarge(change.document)) this.#client().diagnostics?.delete(change.document.uri);
        else await next(change);
      },
      handleDiagnostics: (uri, diagnostics, next) => {
        for (const diagnostic of diagnostics) {
          const words = parseCodedWords((diagnostic as { readonly data?: unknown }).data);
          if (words !== undefined) diagnostic.message = codedSentence(words, t);
        }
        next(uri, diagnostics);
      },
      provideHover: (document, position, token) => this.#hover(document, position, token),
      provideCodeLenses: async (document, token, next) => {
        if (isTooLarge(document)) return [];
        const lenses = (await next(document, token)) ?? [];
        const canAdopt = await this.#adoptable(document);
        return lenses.flatMap((lens) => this.#lensesAt(lens, canAdopt));
      },
      provideCodeActions: async (document, range, context, token, next) => {
        if (isTooLarge(document)) return [];
        const actions = (await next(document, range, context, token)) ?? [];
        for (const action of actions) {
          const words = parseCodedWords((action as { readonly data?: unknown }).data);
          if (words !== undefined) action.title = codedSentence(words, t);
        }
        return actions;
      },
      provideCompletionItem: async (document, position, context, token, next) => {
        if (isTooLarge(document)) return [];
        const found = (await next(document, position, context, token)) ?? [];
        const items = Array.isArray(found) ? found : found.items;
        for (const item of items) {
          const detail = this.#detailOf((item as { readonly data?: unknown }).data);
          if (detail !== undefined) item.detail = detail;
        }
        return items;
      },
    };
  }

  #detailOf(kind: unknown): string | undefined {
    const { t } = this.#options;
    switch (kind) {
      case 'input':
        return t('The value of this input');
      case 'workspaceFolder':
        return t('The folder that is open');
      case 'userHome':
        return t('Your home folder');
      case 'env':
        return t('A variable of the environment');
      default:
        return undefined;
    }
  }

  /** Asked by hand, because the library keeps only what it knows of an answer. */
  async #hover(
    document: vscode.TextDocument,
    position: vscode.Position,
    token: vscode.CancellationToken,
  ): Promise<vscode.Hover | undefined> {
    if (isTooLarge(document)) return undefined;
    const client = this.#client();
    const converter = client.code2ProtocolConverter;
    const answer = await client.sendRequest<unknown>(
      'textDocument/hover',
      converter.asTextDocumentPositionParams(document, position),
      token,
    );
    if (typeof answer !== 'object' || answer === null) return undefined;
    const place = parseServerPlace((answer as { readonly server?: unknown }).server);
    if (place === undefined) return undefined;
    const { model, t } = this.#options;
    const text = place.isOurs
      ? serverMarkdown(place.server, model.view, t)
      : mcpEntryMarkdown(place.server, (await this.#adoptable(document))(place.server), t);
    // Neither trusted nor with HTML: no link in it runs anything.
    const range = document.getWordRangeAtPosition(position, /"(?:[^"\\]|\\.)*"/);
    return new vscode.Hover(new vscode.MarkdownString(text), range);
  }

  #lensesAt(lens: vscode.CodeLens, canAdopt: (name: string) => boolean): vscode.CodeLens[] {
    const place = parseServerPlace((lens as { readonly data?: unknown }).data);
    if (place === undefined) return [];
    const { model, t } = this.#options;
    const make = (title: string, command: string): vscode.CodeLens =>
      new vscode.CodeLens(lens.range, { title, command, arguments: [place.server] });
    if (!place.isOurs)
      return canAdopt(place.server) ? [make(t('Run with MCP Lifeline'), commands.adoptServer)] : [];
    const server = model.view.servers.find(({ name }) => name === place.server);
    if (server === undefined) return [];
    const state = make(lensTitle(server, t), commands.showStatus);
    if (server.health === 'disabled' || server.health === 'invalid') return [state];
    return [state, make(t('Force Recovery'), commands.forceRecovery), make(t('Show Log'), commands.showLog)];
  }

  #adoptable(document: vscode.TextDocument): Promise<(name: string) => boolean> {
    return this.#options.adoptable(document.uri, document.getText());
  }

  #titlesNow(): string {
    const { model, t } = this.#options;
    return JSON.stringify(model.view.servers.map((server) => [server.name, lensTitle(server, t)]));
  }

  /** Lenses are asked for again only when one of them says something else. */
  #noteChange(): void {
    this.#pending ??= this.#options.clock.setTimer(REFRESH_MS, () => {
      this.#pending = undefined;
      const titles = this.#titlesNow();
      if (titles === this.#titles) return;
      this.#titles = titles;
      const feature = this.#client().getFeature('textDocument/codeLens');
      const providers = new Set(
        vscode.workspace.textDocuments.map((document) => feature.getProvider(document)),
      );
      for (const provider of providers) provider?.onDidChangeCodeLensEmitter.fire();
    });
  }
}

function isTooLarge(document: vscode.TextDocument): boolean {
  return document.getText().length > MAX_DOCUMENT_LENGTH;
}
