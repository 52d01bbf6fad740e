import { ExponentialBackoff, handleType, retry } from 'cockatiel';
import { listMembers } from '../../shared/protocol/answers.ts';
import type { Launch } from '../upstream/launch.ts';
import { isObject } from '../upstream/ownRequests.ts';

const MAX_PAGES = 1_000;
const MAX_ITEMS = 100_000;
/** All pages together. */
const MAX_LIST_BYTES = 16_777_216;
const LIST_TIMEOUT_MS = 30_000;

/** The server gave no list, though it said that it has one. */
class ListFailed extends Error {}

/**
 * Discovery is control path, not a call of a client: a library's retry is good enough for it. Two more tries, because a server
 * that has just started may answer its first list with an error.
 */
const discovery = retry(handleType(ListFailed), {
  maxAttempts: 2,
  backoff: new ExponentialBackoff({ initialDelay: 250, maxDelay: 2_000 }),
});

/** Which lists a server with these capabilities has. */
export function listsOf(capabilities: unknown): string[] {
  const has = (name: string): boolean =>
    typeof capabilities === 'object' && capabilities !== null && Object.hasOwn(capabilities, name);
  return [...listMembers.keys()].filter((method) => has(method.split('/')[0] ?? ''));
}

export interface FetchedList {
  readonly items: unknown[];
  /** What the server sent for it. */
  readonly sizeBytes: number;
}

/** All pages of one list, up to the limits; `undefined` when the server does not give it (it may say it has what it has not). */
export async function fetchList(launch: Launch, method: string): Promise<FetchedList | undefined> {
  try {
    return await discovery.execute(() => fetchPages(launch, method));
  } catch (error) {
    if (error instanceof ListFailed) return undefined;
    throw error;
  }
}

async function fetchPages(launch: Launch, method: string): Promise<FetchedList | undefined> {
  const member = listMembers.get(method);
  if (member === undefined || launch.hasEnded) return undefined;
  const items: unknown[] = [];
  let sizeBytes = 0;
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const params = cursor === undefined ? undefined : JSON.stringify({ cursor });
    const answer = await launch.request(method, params, LIST_TIMEOUT_MS);
    if (answer.kind === 'failed') return undefined;
    // `-32601` will not change: resources without templates are common.
    if (answer.kind === 'error') {
      if (answer.code === METHOD_NOT_FOUND) return undefined;
      throw new ListFailed(answer.error);
    }
    const result = isObject(answer.value) ? answer.value : {};
    const part = result[member];
    if (!Array.isArray(part)) throw new ListFailed(`no ${member} in the answer`);
    sizeBytes += answer.line.length;
    for (const item of part) if (items.length < MAX_ITEMS) items.push(item);
    const next = result['nextCursor'];
    const isFull = items.length >= MAX_ITEMS || sizeBytes >= MAX_LIST_BYTES;
    if (typeof next !== 'string' || next === cursor || isFull) break;
    cursor = next;
  }
  return { items, sizeBytes };
}

/** JSON-RPC 2.0 §5.1. */
const METHOD_NOT_FOUND = -32_601;
