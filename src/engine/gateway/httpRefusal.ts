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
  response.writeHead(status, { ...headers, ...refusal.headers });
  if (request.complete) {
    response.end(body);
    return;
  }
  // The end of the response may close the connection, and with input on its way that takes the response back from the client. The rest of the
  // input is thrown away; the limit of a request's time bounds it.
  response.write(body);
  const finish = (): void => void response.end();
  request.once('end', finish).once('close', finish);
  request.resume();
}
