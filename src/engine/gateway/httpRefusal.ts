import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Refusal } from './httpChecks.ts';

/** JSON-RPC codes for what cannot be served as a message. */
const rpcCodes: Readonly<Record<string, number>> = {
  parseError: -32_700,
  invalidRequest: -32_600,
};
const RPC_OTHER = -32_000;

/** Answers with the refusal's sentence: as a JSON-RPC error where MCP is spoken, as `{"error":{code,message}}` elsewhere. */
export function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  refusal: Refusal,
  isMcp: boolean,
): void {
  if (response.headersSent) return;
  const { status, code, sentence } = refusal;
  const error = { code: rpcCodes[code] ?? RPC_OTHER, message: sentence, data: { code } };
  const body = Buffer.from(
    JSON.stringify(isMcp ? { jsonrpc: '2.0', id: null, error } : { error: { code, message: sentence } }),
  );
  const headers = { 'content-type': 'application/json', 'content-length': body.length };
  response.writeHead(status, { ...headers, ...refusal.headers }).end(body);
  // The rest of the body is read and thrown away: closing instead could take the response back from a client that still sends.
  request.resume();
}
