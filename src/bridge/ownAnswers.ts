import { readFileSync, statSync } from 'node:fs';
import {
  layerAnswer,
  listMembers,
  resultAnswer,
  unknownServerInitialize,
} from '../shared/protocol/answers.ts';
import type { UnansweredRequest } from './clientSession.ts';

/** The answers a bridge gives by itself when no engine came in time. */

const MAX_CATALOGUE_BYTES = 33_554_432;

/** The last known catalogue of a server, as the engine left it; every member may be missing. */
export interface RememberedCatalogue {
  readonly initialize?: Record<string, unknown>;
  readonly lists: Readonly<Record<string, unknown>>;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Reads the catalogue file; an empty catalogue when there is none that can be used. */
export function readCatalogue(file: string | undefined): RememberedCatalogue {
  if (file === undefined) return { lists: {} };
  try {
    if (statSync(file).size > MAX_CATALOGUE_BYTES) return { lists: {} };
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (!isRecord(value)) return { lists: {} };
    const lists = isRecord(value['lists']) ? value['lists'] : {};
    return isRecord(value['initialize']) ? { initialize: value['initialize'], lists } : { lists };
  } catch {
    return { lists: {} }; // never started here before, or unreadable: the answer says that nothing is known
  }
}

export interface OwnAnswerContext {
  readonly server: string;
  readonly protocolVersion: string;
  readonly catalogue: () => RememberedCatalogue;
}

const noEngine = (server: string): string =>
  `The MCP Lifeline engine, which runs the MCP server "${server}", is not running. ` +
  'It is started again as soon as the editor window is ready; otherwise run "MCP Lifeline: Force Recovery".';

/** The answer to one request, as JSON text. */
export function ownAnswer(request: UnansweredRequest, context: OwnAnswerContext): string {
  const { server } = context;
  const { id, method } = request;
  if (method === 'ping') return resultAnswer(id, '{}');
  if (method === 'initialize') {
    const known = context.catalogue().initialize;
    if (known === undefined) {
      return resultAnswer(id, unknownServerInitialize(server, context.protocolVersion, noEngine(server)));
    }
    const told = typeof known['instructions'] === 'string' ? `${known['instructions']}\n\n` : '';
    return resultAnswer(id, JSON.stringify({ ...known, instructions: `${told}${noEngine(server)}` }));
  }
  const member = listMembers.get(method);
  if (member !== undefined) {
    const items = context.catalogue().lists[member];
    return resultAnswer(id, JSON.stringify({ [member]: Array.isArray(items) ? items : [] }));
  }
  if (request.handedOver) {
    const text =
      `${noEngine(server)} The engine stopped while this call was under way, so its outcome is unknown: ` +
      'it may or may not have been carried out. Verify before retrying.';
    return layerAnswer(method, id, { text, code: 'outcomeUnknown', server });
  }
  const text = `${noEngine(server)} The call was not carried out; it can be repeated.`;
  return layerAnswer(method, id, { text, code: 'engineUnavailable', server });
}

/** A log message that tells the person why the bridge answers by itself. */
export function noEngineLogMessage(server: string): string {
  const params = { level: 'error', logger: 'mcp-lifeline', data: noEngine(server) };
  return JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params });
}
