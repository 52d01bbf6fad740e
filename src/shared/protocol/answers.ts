/**
 * Answers that engine or bridge give in a server's place, as JSON text without line end. A tool call is answered
 * with a result marked `isError`, because clients show a JSON-RPC error to the person but a result to the model,
 * and the model must learn what happened.
 */

/** JSON-RPC error code for everything the layer itself refuses (implementation-defined server error). */
export const LAYER_ERROR_CODE = -32_000;

/** `_meta` key under which a layer's own answer says what it is. */
export const OUTCOME_META = 'mcp-lifeline/outcome';

/** `_meta` key of a text that was added to a server's own answer. */
export const NOTE_META = 'mcp-lifeline/note';

export interface LayerAnswer {
  /** For the person or the model: what happened, to which server, what to do. */
  readonly text: string;
  /** Fault code. */
  readonly code: string;
  readonly server: string;
  readonly tool?: string | undefined;
  readonly callId?: string | undefined;
  readonly retryAfterMs?: number | undefined;
}

/** `id` is JSON text. */
export function toolErrorAnswer(id: string, answer: LayerAnswer): string {
  const { text, ...meta } = answer;
  const result = { content: [{ type: 'text', text }], isError: true, _meta: { [OUTCOME_META]: meta } };
  return `{"jsonrpc":"2.0","id":${id},"result":${JSON.stringify(result)}}`;
}

export function errorAnswer(id: string, answer: LayerAnswer, errorCode: number = LAYER_ERROR_CODE): string {
  const { text, ...data } = answer;
  return `{"jsonrpc":"2.0","id":${id},"error":${JSON.stringify({ code: errorCode, message: text, data })}}`;
}

/** A tool call gets a result, any other method an error. */
export function layerAnswer(method: string, id: string, answer: LayerAnswer): string {
  return method === 'tools/call' ? toolErrorAnswer(id, answer) : errorAnswer(id, answer);
}

/** `result` is JSON text. */
export function resultAnswer(id: string, result: string): string {
  return `{"jsonrpc":"2.0","id":${id},"result":${result}}`;
}

/** The list methods that a remembered catalogue can answer, with the member that carries the items. */
export const listMembers: ReadonlyMap<string, string> = new Map([
  ['tools/list', 'tools'],
  ['prompts/list', 'prompts'],
  ['resources/list', 'resources'],
  ['resources/templates/list', 'resourceTemplates'],
]);

/** The `initialize` result for a server of which nothing is known yet. */
export function unknownServerInitialize(server: string, protocolVersion: string, reason: string): string {
  return JSON.stringify({
    protocolVersion,
    capabilities: { tools: { listChanged: true }, logging: {} },
    serverInfo: { name: server, version: '0.0.0' },
    instructions: reason,
  });
}
