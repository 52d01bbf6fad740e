import { createServer } from 'node:net';
import type { Clock } from '../../shared/base/clock.ts';
import type { Disposable } from '../../shared/base/disposable.ts';
import {
  MAX_DOCUMENT_LENGTH,
  type CodedWords,
  type ServerPlace,
} from '../../shared/protocol/languageMessages.ts';
import { missingCommands, type CommandSearch } from './commandSearch.ts';
import { proposalsAt } from './completion.ts';
import { findingsOf, type Finding } from './findings.ts';
import { fixOf, type TextEdit } from './fixes.ts';
import { kindOf, readDocument, type DocumentKind, type LifelineDocument } from './lifelineDocument.ts';
import { TextPlaces, type Position, type Range } from './textPlaces.ts';

export interface LanguageOptions {
  readonly clock: Clock;
  readonly environment: NodeJS.ProcessEnv;
  readonly loginShell: CommandSearch['loginShell'];
  readonly workspaceFolder: () => string | undefined;
  /** Names of the servers of the settings. */
  readonly configured: () => readonly string[];
  readonly publish: (params: PublishedDiagnostics) => void;
  readonly onError: (error: unknown) => void;
}

/** LSP's PublishDiagnosticsParams, as far as it is used. */
export interface PublishedDiagnostics {
  readonly uri: string;
  readonly version?: number;
  readonly diagnostics: LanguageDiagnostic[];
}

interface LanguageDiagnostic {
  readonly range: Range;
  readonly severity: 1 | 2 | 3;
  readonly code: string;
  readonly source: string;
  readonly message: string;
  readonly data: CodedWords;
}

interface OpenDocument {
  readonly uri: string;
  readonly kind: DocumentKind;
  version: number;
  text: string;
  /** Read when it is needed; anew for each version. */
  read: { readonly document: LifelineDocument; readonly places: TextPlaces } | undefined;
  timer: Disposable | undefined;
  /** What was found in this version. */
  findings: Promise<readonly Finding[]> | undefined;
}

/** After the last change; whoever types is left alone. */
const SETTLE_MS = 200;
const MAX_DOCUMENTS = 50;
const severities = { error: 1, warning: 2, information: 3 } as const;

/**
 * Language features on documents about MCP servers (requirements R12.5), for one language client. Documents are untrusted: bounded, only read,
 * and nothing that they name is run. What is told of a former version is dropped.
 */
export class LanguageFeatures implements Disposable {
  readonly #options: LanguageOptions;
  readonly #documents = new Map<string, OpenDocument>();

  constructor(options: LanguageOptions) {
    this.#options = options;
  }

  open(uri: string, version: number, text: string): void {
    const kind = kindOf(uri);
    if (kind === undefined) return;
    this.close(uri);
    if (this.#documents.size >= MAX_DOCUMENTS) return;
    const document: OpenDocument = {
      uri,
      kind,
      version,
      text,
      read: undefined,
      timer: undefined,
      findings: undefined,
    };
    this.#documents.set(uri, document);
    this.#publish(document);
  }

  /** The whole text anew. */
  change(uri: string, version: number, text: string): void {
    const document = this.#documents.get(uri);
    if (document === undefined) {
      this.open(uri, version, text);
      return;
    }
    Object.assign(document, { version, text, read: undefined, findings: undefined });
    document.timer?.dispose();
    document.timer = this.#options.clock.setTimer(SETTLE_MS, () => this.#publish(document));
  }

  close(uri: string): void {
    const document = this.#documents.get(uri);
    if (document === undefined) return;
    document.timer?.dispose();
    this.#documents.delete(uri);
    this.#options.publish({ uri, diagnostics: [] });
  }

  /** The server whose name stands there. */
  hover(uri: string, position: Position): { range: Range; contents: string; server: ServerPlace } | null {
    const at = this.#at(uri, position);
    if (at === undefined) return null;
    const { document, places, offset } = at;
    const found = document.servers.find(
      ({ key }) => offset >= key.offset && offset <= key.offset + key.length,
    );
    if (found === undefined) return null;
    return {
      range: places.range(found.key),
      contents: found.name,
      server: { server: found.name, isOurs: document.kind !== 'mcp' },
    };
  }

  /** One at each server's name; what it says is the extension's business. */
  lenses(uri: string): { range: Range; data: ServerPlace }[] {
    const open = this.#documents.get(uri);
    if (open === undefined) return [];
    const { document, places } = readOf(open);
    return document.servers
      .filter(({ value, name }) => value?.type === 'object' && name.length <= 256)
      .map(({ name, key }) => ({
        range: places.range(key),
        data: { server: name, isOurs: document.kind !== 'mcp' },
      }));
  }

  /** Changes that mend what was found within a range. */
  async actions(uri: string, range: Range): Promise<object[]> {
    const open = this.#documents.get(uri);
    if (open === undefined) return [];
    const { version } = open;
    const { document, places } = readOf(open);
    const from = places.offset(range.start);
    const to = places.offset(range.end);
    const actions: object[] = [];
    for (const finding of await this.#findings(open)) {
      const { offset, length } = finding.span;
      if (offset > to || offset + length < from) continue;
      const fix = await fixOf(document, finding, freePort);
      if (fix === undefined) continue;
      const words: CodedWords = { code: fix.code, args: [...fix.args] };
      actions.push({
        title: englishOf(words),
        kind: 'quickfix',
        isPreferred: fix.code !== 'rename',
        diagnostics: [diagnosticOf(finding, places)],
        edit: { documentChanges: [{ textDocument: { uri, version }, edits: editsOf(fix.edits, places) }] },
        data: words,
      });
    }
    return open.version === version ? actions : [];
  }

  completions(uri: string, position: Position): object[] {
    const at = this.#at(uri, position);
    if (at === undefined) return [];
    return proposalsAt(at.document, at.offset).map(({ text, kind, span }) => ({
      label: text,
      kind: 6,
      // From the `$` on: the editor's own idea of a word begins later.
      filterText: text,
      textEdit: { range: at.places.range(span), newText: text },
      data: kind,
    }));
  }

  dispose(): void {
    for (const { timer } of this.#documents.values()) timer?.dispose();
    this.#documents.clear();
  }

  #at(
    uri: string,
    position: Position,
  ): { document: LifelineDocument; places: TextPlaces; offset: number } | undefined {
    const open = this.#documents.get(uri);
    if (open === undefined) return undefined;
    const { document, places } = readOf(open);
    return { document, places, offset: places.offset(position) };
  }

  #publish(open: OpenDocument): void {
    const { uri, version } = open;
    open.timer = undefined;
    this.#findings(open).then((findings) => {
      if (this.#documents.get(uri) !== open || open.version !== version) return;
      const { places } = readOf(open);
      const diagnostics = findings.map((finding) => diagnosticOf(finding, places));
      this.#options.publish({ uri, version, diagnostics });
    }, this.#options.onError);
  }

  #findings(open: OpenDocument): Promise<readonly Finding[]> {
    open.findings ??= this.#find(open);
    return open.findings;
  }

  async #find(open: OpenDocument): Promise<readonly Finding[]> {
    const { configured, environment, loginShell, workspaceFolder } = this.#options;
    const { document } = readOf(open);
    const found = findingsOf(document, { configured: configured() });
    const search = { environment, loginShell, workspaceFolder: workspaceFolder() };
    return [...found, ...(await missingCommands(document, search))];
  }
}

function readOf(open: OpenDocument): { readonly document: LifelineDocument; readonly places: TextPlaces } {
  const text = open.text.length > MAX_DOCUMENT_LENGTH ? '' : open.text;
  open.read ??= { document: readDocument(open.kind, text), places: new TextPlaces(text) };
  return open.read;
}

function diagnosticOf(finding: Finding, places: TextPlaces): LanguageDiagnostic {
  const data: CodedWords = { code: finding.code, args: [...finding.args] };
  return {
    range: places.range(finding.span),
    severity: severities[finding.severity],
    code: finding.code,
    source: 'MCP Lifeline',
    message: englishOf(data),
    data,
  };
}

/** For a client that does not know the code; ours has sentences. */
function englishOf({ code, args }: CodedWords): string {
  return [code, ...args].join(' ');
}

function editsOf(edits: readonly TextEdit[], places: TextPlaces): { range: Range; newText: string }[] {
  return edits.map((edit) => ({ range: places.range(edit), newText: edit.text }));
}

/** A port of this machine that nobody listens on now; `undefined` when the system gives none. */
function freePort(): Promise<number | undefined> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(undefined));
    probe.listen({ port: 0, host: '127.0.0.1' }, () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' ? address?.port : undefined));
    });
  });
}
