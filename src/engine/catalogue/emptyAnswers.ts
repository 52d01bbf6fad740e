import { LRUCache } from 'lru-cache';
import type { Degraded } from '../../shared/model/snapshot.ts';
import { textOf } from '../../shared/protocol/frameScanner.ts';
import { membersOf } from '../../shared/protocol/insert.ts';
import type { Call, Outcome } from '../pipeline/call.ts';

/** Questions of one session. */
const MAX_QUESTIONS = 64;
const MAX_QUESTION_BYTES = 512;
/** What is longer says something. */
const MAX_EMPTY_BYTES = 512;
const MAX_SHOWN = 50;
const MAX_TOLD = 5;

/**
 * Silent empty success after a restart (requirements R5.10; docker/mcp-gateway #505): a read that a server had answered with something, and that
 * the process after it answers with nothing. Told only of the same question of the same session, with no write between the two: whatever
 * emptied it was not asked to. Costs a few microseconds a read; nothing is parsed but answers that are short enough to be empty.
 */
export class EmptyAnswers {
  /** By question, the restart count at its last answer with something in it. */
  readonly #answered = new LRUCache<string, number>({ max: MAX_QUESTIONS });
  /** By question, what was asked. */
  readonly #emptied = new Map<string, string>();
  #lastBy: Call['launch'];
  #restarts = 0;

  /** What was asked, for each question that is answered with nothing since a restart. */
  get names(): readonly string[] {
    return [...new Set(this.#emptied.values())];
  }

  /** Takes note of how a call ended. Answers what is answered with nothing from now on, if that is news. */
  note(call: Call, outcome: Outcome, isRead: boolean): string | undefined {
    if (call.launch !== this.#lastBy && this.#lastBy?.hasEnded === true) this.#restarts += 1;
    this.#lastBy = call.launch ?? this.#lastBy;
    if (!isRead) {
      if (call.attempts > 0) this.forget();
      return undefined;
    }
    if (outcome.kind !== 'answer' || outcome.isError || outcome.isStale === true) return undefined;
    const asked = questionOf(call);
    if (asked === undefined) return undefined;
    const { question, name } = asked;
    if (!isEmpty(outcome.line)) {
      this.#answered.set(question, this.#restarts);
      this.#emptied.delete(question);
      return undefined;
    }
    const before = this.#answered.get(question);
    if (before === undefined || before === this.#restarts || this.#emptied.has(question)) return undefined;
    this.#emptied.set(question, name);
    if (this.#emptied.size > MAX_QUESTIONS) this.#emptied.clear();
    return name;
  }

  /** What is empty counts as right, and nothing that was answered before counts any more. */
  forget(): void {
    this.#answered.clear();
    this.#emptied.clear();
  }
}

/** In words; `undefined` when nothing is answered with nothing. */
export function describeEmpty(names: readonly string[]): Degraded | undefined {
  if (names.length === 0) return undefined;
  const told = names.slice(0, MAX_TOLD).map((name) => `"${name.slice(0, 64)}"`);
  const others = names.length > told.length ? ' and others' : '';
  return {
    reason: 'emptyAnswers',
    sentence: `Since a restart it answers with nothing what it answered before: ${told.join(', ')}${others}.`,
    missing: names.slice(0, MAX_SHOWN).map((name) => name.slice(0, 256)),
  };
}

/** As written, which is as the same client writes it again; without what belongs to one call only (`_meta`). */
function questionOf({
  line,
  method,
}: Call): { readonly question: string; readonly name: string } | undefined {
  const nameKey = method === 'tools/call' ? 'name' : method === 'resources/read' ? 'uri' : undefined;
  if (nameKey === undefined) return undefined;
  const params = membersOf(line, { start: 0, end: line.length }, ['params']).get('params');
  if (params === undefined) return undefined;
  const members = membersOf(line, params, [nameKey, 'arguments']);
  const [name, args] = [members.get(nameKey), members.get('arguments')];
  if (name === undefined) return undefined;
  const sizeBytes = name.end - name.start + (args === undefined ? 0 : args.end - args.start);
  if (sizeBytes > MAX_QUESTION_BYTES) return undefined;
  const text = textOf(line, name);
  return { question: `${text}${args === undefined ? '' : textOf(line, args)}`, name: text.slice(1, -1) };
}

function isEmpty(line: Uint8Array): boolean {
  if (line.length > MAX_EMPTY_BYTES) return false;
  let result: unknown;
  try {
    ({ result } = JSON.parse(new TextDecoder().decode(line)) as { result?: unknown });
  } catch {
    return false; // what the scan found well formed need not be JSON
  }
  if (typeof result !== 'object' || result === null) return false;
  const { content, contents, structuredContent, isError } = result as Record<string, unknown>;
  const list = content ?? contents;
  return (
    isError !== true &&
    Array.isArray(list) &&
    list.every((item) => saysNothing(item)) &&
    (structuredContent === undefined || isHollow(structuredContent))
  );
}

/** A text without a word, or one that is an empty JSON value. An image or a link is something. */
function saysNothing(item: unknown): boolean {
  if (typeof item !== 'object' || item === null) return true;
  const { text, type } = item as Record<string, unknown>;
  if (typeof text !== 'string' || (type !== undefined && type !== 'text')) return false;
  return /^\s*(?:\[\s*\]|\{\s*\}|null|"")?\s*$/.test(text);
}

/** Nothing but empty lists and objects. */
function isHollow(value: unknown): boolean {
  if (value === null) return true;
  return typeof value === 'object' && Object.values(value).every((item) => isHollow(item));
}
