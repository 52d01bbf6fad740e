import { ExponentialBackoff, handleType, retry } from 'cockatiel';
import { listMembers } from '../../shared/protocol/answers.ts';
import type { Launch } from '../upstream/launch.ts';

const MAX_PAGES = 1_000;
const MAX_ITEMS = 100_000;
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

/** All pages of one list; `undefined` when the server does not give it (it may say it has what it has not). */
export async function fetchList(launch: Launch, method: string): Promise<unknown[] | undefined> {
  try {
    return await discovery.execute(() => fetchPages(launch, method));
  } catch (error) {
    if (error instanceof ListFailed) return undefined;
    throw error;
  }
}

async function fetchPages(launch: Launch, method: string): Promise<unknown[] | undefined> {
  const member = listMembers.get(method);
  if (member === undefined || launch.hasEnded) return undefined;
  const items: unknown[] = [];
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
    const result = JSON.parse(answer.result) as Record<string, unknown> | null;
    const part = result?.[member];
    if (!Array.isArray(part)) throw new ListFailed(`no ${member} in the answer`);
    for (const item of part) if (items.length < MAX_ITEMS) items.push(item);
    const next = result?.['nextCursor'];
    if (typeof next !== 'string' || next === cursor || items.length >= MAX_ITEMS) return items;
    cursor = next;
  }
  return items;
}

/** JSON-RPC 2.0 §5.1. */
const METHOD_NOT_FOUND = -32_601;
