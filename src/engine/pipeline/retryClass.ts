import type { RetryClass } from './call.ts';

/** What a server declares of a tool (MCP `ToolAnnotations`). */
export interface ToolHints {
  readonly readOnly: boolean;
  readonly idempotent: boolean;
}

const safeMethods: ReadonlySet<string> = new Set([
  'ping',
  'tools/list',
  'prompts/list',
  'prompts/get',
  'resources/list',
  'resources/templates/list',
  'resources/read',
  'completion/complete',
  'tasks/get',
  'tasks/list',
  'tasks/result',
]);
const idempotentMethods: ReadonlySet<string> = new Set([
  'logging/setLevel',
  'resources/subscribe',
  'resources/unsubscribe',
  'tasks/cancel',
]);

/**
 * The retry class of a request. A tool call is believed to be safe or idempotent only when its server is trusted
 * for that; `idempotentHint` means something only for tools that are not read-only (MCP schema, ToolAnnotations).
 * What is not known is at-most-once.
 */
export function retryClassOf(method: string, hints: ToolHints | undefined, trusted: boolean): RetryClass {
  if (safeMethods.has(method)) return 'safe';
  if (idempotentMethods.has(method)) return 'idempotent';
  if (method !== 'tools/call' || hints === undefined || !trusted) return 'atMostOnce';
  if (hints.readOnly) return 'safe';
  return hints.idempotent ? 'idempotent' : 'atMostOnce';
}
