import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { copyOf } from '../../shared/base/copyOf.ts';
import { textOf, scanFrame, withId } from '../../shared/protocol/frameScanner.ts';
import { addMember, appendItem, membersOf } from '../../shared/protocol/insert.ts';
import type { Call } from './call.ts';

/** `_meta` key of an answer that was given before. */
export const STALE_META = 'mcp-lifeline/stale';

/** Answers of one server. */
const MAX_ANSWERS = 64;
const MAX_TOTAL_BYTES = 8_388_608;
const MAX_ANSWER_BYTES = 1_048_576;
/** Longer parameters are not compared. */
const MAX_PARAMS_BYTES = 65_536;
const MAX_REASON = 500;

/** What can be answered again, with the list in its result that a note can be put into. */
const noteLists: ReadonlyMap<string, string> = new Map([
  ['tools/call', 'content'],
  ['resources/read', 'contents'],
  ['prompts/get', 'messages'],
]);
/** They change what the session is told, not what the server knows. */
const harmless: ReadonlySet<string> = new Set([
  'logging/setLevel',
  'resources/subscribe',
  'resources/unsubscribe',
]);

export interface KnownAnswer {
  readonly line: Uint8Array;
  /** Wall-clock milliseconds. */
  readonly at: number;
}

/**
 * The last good answers of one server to reads (requirements R6.2), for all its sessions: its credentials are those of its entry. Nothing is kept
 * that a write may have made untrue: one that was handed to the server drops everything.
 */
export class StaleAnswers {
  readonly #answers = new LRUCache<string, KnownAnswer>({
    max: MAX_ANSWERS,
    maxSize: MAX_TOTAL_BYTES,
    maxEntrySize: MAX_ANSWER_BYTES,
    sizeCalculation: ({ line }) => Math.max(1, line.length),
  });
  readonly #open = new Set<Call>();
  #changes = 0;

  get size(): number {
    return this.#answers.size;
  }

  /** Something may have changed; what was read before, or is being read, is not kept. */
  clear(): void {
    this.#changes += 1;
    this.#answers.clear();
  }

  /** Notes that a call is under way. Answers what `ended` and `keep` want to know of the moment. */
  begun(call: Call): number {
    this.#open.add(call);
    return this.#changes;
  }

  ended(call: Call): void {
    this.#open.delete(call);
    if (mayHaveChanged(call)) this.clear();
  }

  /** Keeps a good answer, unless something was written while it was made. */
  keep(key: string, answer: KnownAnswer, changesBefore: number): void {
    if (changesBefore !== this.#changes || this.#isWriting) return;
    if (answer.line.length <= MAX_ANSWER_BYTES)
      this.#answers.set(key, { ...answer, line: copyOf(answer.line) });
  }

  find(key: string): KnownAnswer | undefined {
    if (this.#isWriting) this.clear();
    return this.#answers.get(key);
  }

  get #isWriting(): boolean {
    for (const call of this.#open) if (mayHaveChanged(call)) return true;
    return false;
  }
}

/** It may have reached the server, and is not declared to change nothing. */
function mayHaveChanged({ retryClass, attempts, method }: Call): boolean {
  return retryClass !== 'safe' && attempts > 0 && !harmless.has(method);
}

/** What makes two calls the same question; `undefined` for what is not answered twice. `_meta` is about the call, not the question. */
export function questionOf(call: Call): string | undefined {
  if (!noteLists.has(call.method) || call.isTask) return undefined;
  const params = membersOf(call.line, { start: 0, end: call.line.length }, ['params']).get('params');
  if (params === undefined || params.end - params.start > MAX_PARAMS_BYTES) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(textOf(call.line, params));
  } catch {
    return undefined; // what the scan found well formed need not be JSON
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const question = Object.fromEntries(Object.entries(value).filter(([key]) => key !== '_meta'));
  return createHash('sha256')
    .update(`${call.method}\0${canonicalJson(question)}`)
    .digest('base64');
}

/** JSON with the members of every object in one order. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => {
    if (typeof item !== 'object' || item === null || Array.isArray(item)) return item;
    const members = Object.entries(item as Record<string, unknown>);
    return Object.fromEntries(members.sort(([a], [b]) => (a < b ? -1 : Number(a > b))));
  });
}

/** Whether an answer says what was asked for: a result that is no error of the tool. */
export function isGood(method: string, line: Uint8Array): boolean {
  const list = noteLists.get(method);
  const result = membersOf(line, { start: 0, end: line.length }, ['result']).get('result');
  if (list === undefined || result === undefined) return false;
  const members = membersOf(line, result, [list, 'isError']);
  const isError = members.get('isError');
  return members.has(list) && (isError === undefined || textOf(line, isError) === 'false');
}

/** The answer as the client gets it: with its own id, and marked with age and reason both for programs and for the model. */
export function markedStale(
  call: Call,
  answer: KnownAnswer,
  { now, code, reason }: { readonly now: number; readonly code: string; readonly reason: string },
): Uint8Array | undefined {
  const list = noteLists.get(call.method);
  const frame = scanFrame(answer.line);
  if (frame.kind !== 'response' || list === undefined) return undefined;
  const ageMs = Math.max(0, now - answer.at);
  const text =
    `Stale, from ${ageInWords(ageMs)} ago, because the MCP server "${call.server}" is not there now. ` +
    `It may not be true any more. ${reason.slice(0, MAX_REASON)}`;
  const own = withId(answer.line, frame.idRange, call.id);
  const noted = put(own, ['result', list], (array) =>
    appendItem(own, array, JSON.stringify(noteFor(call.method, text))),
  );
  if (noted === undefined) return undefined;
  const meta = JSON.stringify({ ageMs, because: code });
  return (
    put(noted, ['result', '_meta'], (object) => addMember(noted, object, STALE_META, meta)) ??
    put(noted, ['result'], (object) =>
      addMember(noted, object, '_meta', `{${JSON.stringify(STALE_META)}:${meta}}`),
    )
  );
}

function put(
  line: Uint8Array,
  path: readonly string[],
  insert: (range: { start: number; end: number }) => Uint8Array | undefined,
): Uint8Array | undefined {
  let range: { start: number; end: number } | undefined = { start: 0, end: line.length };
  for (const name of path) range = range === undefined ? undefined : membersOf(line, range, [name]).get(name);
  return range === undefined ? undefined : insert(range);
}

/** A text as the result's list holds texts. */
function noteFor(method: string, text: string): unknown {
  if (method === 'resources/read') return { uri: 'mcp-lifeline:stale', mimeType: 'text/plain', text };
  return method === 'prompts/get'
    ? { role: 'user', content: { type: 'text', text } }
    : { type: 'text', text };
}

const units: readonly (readonly [string, number])[] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
];

/** `3 minutes`; the greatest unit that fits. */
export function ageInWords(ageMs: number): string {
  const [unit, sizeMs] = units.find(([, size]) => ageMs >= size) ?? ['second', 1_000];
  const count = Math.floor(ageMs / sizeMs);
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
