import type { Degraded } from '../../shared/model/snapshot.ts';
import { textOf } from '../../shared/protocol/frameScanner.ts';
import { membersOf } from '../../shared/protocol/insert.ts';
import type { Call, Outcome } from '../pipeline/call.ts';

/** Reads of one session that are remembered; the last ones. */
const MAX_QUESTIONS = 64;
const MAX_QUESTION_BYTES = 512;
/** A call with a longer message is not remembered. */
const MAX_CALL_BYTES = 2_048;
/** An answer that is longer says something. */
const MAX_EMPTY_BYTES = 512;
const MAX_SHOWN = 50;
const MAX_TOLD = 5;

interface Read {
  readonly method: string;
  readonly line: Uint8Array;
  /** Absent when it is too long to be empty. */
  readonly answer: Uint8Array | undefined;
  /** The restart count when it was answered. */
  readonly restarts: number;
  /** Made out when it is first compared. */
  question: string | undefined;
}

/**
 * Silent empty success after a restart (requirements R5.10; docker/mcp-gateway #505): a read that a server had answered with something, and that
 * the process after it answers with nothing. Told only of the same question of the same session, with no write between the two: whatever
 * emptied it was not asked to. Costs nothing but two small copies a read: what they say is looked at only when an answer after a restart may be empty.
 */
export class EmptyAnswers {
  /** A ring of the last reads that were answered. */
  readonly #reads: Read[] = [];
  #next = 0;
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
    const { line } = outcome;
    const hasRestarted = this.#restarts > 0;
    if (hasRestarted && line.length <= MAX_EMPTY_BYTES && isEmpty(line)) return this.#noteEmpty(call);
    if (this.#emptied.size > 0) this.#emptied.delete(questionOf(call)?.question ?? '');
    if (call.line.length <= MAX_CALL_BYTES) this.#remember(call, line);
    return undefined;
  }

  #remember({ line, method }: Call, answer: Uint8Array): void {
    // Copies, as what comes in are views of larger pieces; from Node's pool, because this is done for every read.
    this.#reads[this.#next] = {
      method,
      line: Buffer.from(line),
      answer: answer.length <= MAX_EMPTY_BYTES ? Buffer.from(answer) : undefined,
      restarts: this.#restarts,
      question: undefined,
    };
    this.#next = (this.#next + 1) % MAX_QUESTIONS;
  }

  #noteEmpty(call: Call): string | undefined {
    const asked = questionOf(call);
    if (asked === undefined || this.#emptied.has(asked.question)) return undefined;
    const answered = this.#reads.filter(
      (read) =>
        (read.question ??= questionOf(read)?.question ?? '') === asked.question &&
        (read.answer === undefined || !isEmpty(read.answer)),
    );
    const isNews = answered.length > 0 && answered.every(({ restarts }) => restarts < this.#restarts);
    if (!isNews) return undefined;
    if (this.#emptied.size >= MAX_QUESTIONS) this.#emptied.clear();
    this.#emptied.set(asked.question, asked.name);
    return asked.name;
  }

  /** What is empty counts as right, and nothing that was answered before counts any more. */
  forget(): void {
    // Done after every write: clearing a `Map` makes a new table also when it was empty.
    if (this.#reads.length > 0) this.#reads.length = 0;
    this.#next = 0;
    if (this.#emptied.size > 0) this.#emptied.clear();
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
}: Pick<Call, 'line' | 'method'>): { readonly question: string; readonly name: string } | undefined {
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
