/**
 * What is used of the language server's library, in one place: it is a bundle of its own (`dist/lib/languageServer.cjs`), loaded with the
 * first language client.
 */
export {
  createConnection,
  TextDocumentSyncKind,
  type Connection,
  type ServerCapabilities,
} from 'vscode-languageserver';
export {
  createProtocolConnection,
  StreamMessageReader,
  StreamMessageWriter,
} from 'vscode-languageserver/node';
