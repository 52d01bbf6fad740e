import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../shared/base/clock.ts';
import type { Refusal } from './httpChecks.ts';

/** A refused body up to this size is read and thrown away, so that the connection can be used again. */
const DUMP_BELOW_BYTES = 65_536;
/** A client that still sends a larger one gets this long to read why it was refused. */
const FAREWELL_MS = 1_000;

/** JSON-RPC codes for what cannot be served as a message. */
export const rpcCodes: Readonly<Record<string, number>> = {
  parseError: -32_700,
  invalidRequest: -32_600,
};
const RPC_OTHER = -32_000;

function hasLargeBody(request: IncomingMessage): boolean {
  if (request.headers['transfer-encoding'] !== undefined) return true;
  return Number(request.headers['content-length'] ?? 0) > DUMP_BELOW_BYTES;
}

/** Answers with the refusal's sentence: as a JSON-RPC error where MCP is spoken, as `{"error":{code,message}}` elsewhere. */
export function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  refusal: Refusal,
  options: { readonly clock: Clock; readonly isMcp: boolean },
): void {
  if (response.headersSent) return;
  const { status, code, sentence } = refusal;
  const body = Buffer.from(
    options.isMcp
      ? JSON.stringify({
          jsonrpc: '2.0',
          id: null,
          error: { code: rpcCodes[code] ?? RPC_OTHER, message: sentence, data: { code } },
        })
      : JSON.stringify({ error: { code, message: sentence } }),
  );
  const headers = { 'content-type': 'application/json', 'content-length': body.length, ...refusal.headers };
  if (request.complete || !hasLargeBody(request)) {
    response.writeHead(status, headers).end(body);
    return;
  }
  // The end of the response closes the connection, and with unread input waiting that would take the response back from the client.
  response.writeHead(status, { ...headers, connection: 'close' }).write(body);
  const finish = (): void => {
    timer.dispose();
    response.end();
  };
  const timer = options.clock.setTimer(FAREWELL_MS, finish);
  request.once('end', finish).once('close', finish).on('error', finish);
  request.resume();
}
