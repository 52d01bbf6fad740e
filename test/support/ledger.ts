import { OUTCOME_META } from '../../src/shared/protocol/answers.ts';
import type { Message, ToolResult } from './lineClient.ts';
import { textOf } from './lineClient.ts';

/** What became of a call, as its client saw it. */
export type Told =
  | { readonly kind: 'answered'; readonly text: string }
  /** The layer said that it failed, and why. */
  | { readonly kind: 'failed'; readonly code: string; readonly text: string }
  | { readonly kind: 'cancelled' }
  /** The client was killed, and nobody waits. */
  | { readonly kind: 'left' }
  /** Nothing came. */
  | { readonly kind: 'lost' };

/** Reads the answer to a call. What the layer itself says has a code; an error of anybody else has not. */
export function toldBy(message: Message): Told {
  const { result, error } = message;
  if (error !== undefined) {
    const code = (error.data as { code?: unknown } | undefined)?.code;
    return {
      kind: 'failed',
      code: typeof code === 'string' ? code : `error ${error.code}`,
      text: error.message,
    };
  }
  const answer = result as unknown as ToolResult;
  const code = answer._meta?.[OUTCOME_META]?.['code'];
  if (answer.isError === true || typeof code === 'string')
    return { kind: 'failed', code: typeof code === 'string' ? code : 'isError', text: textOf(answer) };
  return { kind: 'answered', text: textOf(answer) };
}

/** Tools that the layer may run again. */
const repeatable: ReadonlySet<string> = new Set(['safe', 'idempotent', 'echo']);
/** Tools that leave a line in the record. */
const recorded: ReadonlySet<string> = new Set(['safe', 'idempotent', 'other', 'record']);

export interface Tally {
  readonly calls: number;
  readonly answered: number;
  /** Code → how often, of calls that may not be repeated, and of those that may. */
  readonly failed: ReadonlyMap<string, number>;
  readonly failedRepeatable: ReadonlyMap<string, number>;
  readonly repeatable: number;
  readonly repeatableAnswered: number;
  readonly cancelled: number;
  readonly left: number;
  /** Executions of repeatable calls beyond the first: what trying again costs the server. */
  readonly repetitions: number;
  readonly lost: readonly string[];
  readonly executedTwice: readonly string[];
  /** Answered without having been executed, said "not carried out" of what was, or answered with what belongs to another call. */
  readonly toldWrongly: readonly string[];
}

interface Entry {
  readonly tool: string;
  told: Told | undefined;
}

/**
 * The book of all calls of one run: each has a key of its own, which the server writes down with each execution. Compared with that record it shows
 * what was lost, doubled, or told wrongly (requirements R2.4).
 */
export class Ledger {
  readonly #entries = new Map<string, Entry>();

  get calls(): number {
    return this.#entries.size;
  }

  begin(tool: string): string {
    const key = `k${this.#entries.size}`;
    this.#entries.set(key, { tool, told: undefined });
    return key;
  }

  end(key: string, told: Told): void {
    this.#entries.get(key)!.told = told;
  }

  /** `record`: lines "<tool> <key> <pid>". */
  tally(record: Iterable<string>): Tally {
    const executions = new Map<string, number>();
    for (const line of record) {
      const [, key = ''] = line.split(' ', 2);
      if (this.#entries.has(key)) executions.set(key, (executions.get(key) ?? 0) + 1);
    }
    const failed = new Map<string, number>();
    const failedRepeatable = new Map<string, number>();
    const count = {
      answered: 0,
      cancelled: 0,
      left: 0,
      repetitions: 0,
      repeatable: 0,
      repeatableAnswered: 0,
    };
    const lost: string[] = [];
    const executedTwice: string[] = [];
    const toldWrongly: string[] = [];
    for (const [key, { tool, told }] of this.#entries) {
      const times = executions.get(key) ?? 0;
      const mayRepeat = repeatable.has(tool);
      if (mayRepeat) count.repetitions += Math.max(0, times - 1);
      else if (times > 1) executedTwice.push(key);
      // One that its client took back is neither asked for nor answered.
      const isAsked = told?.kind !== 'cancelled' && told?.kind !== 'left';
      if (mayRepeat && isAsked) count.repeatable += 1;
      switch (told?.kind) {
        case 'answered':
          count.answered += 1;
          if (mayRepeat) count.repeatableAnswered += 1;
          if (told.text !== key || (times === 0 && recorded.has(tool))) toldWrongly.push(key);
          break;
        case 'failed': {
          const codes = mayRepeat ? failedRepeatable : failed;
          codes.set(told.code, (codes.get(told.code) ?? 0) + 1);
          if (times > 0 && !mayRepeat && /\bnot carried out\b/.test(told.text)) toldWrongly.push(key);
          break;
        }
        case 'cancelled':
        case 'left':
          count[told.kind] += 1;
          break;
        default:
          lost.push(key);
      }
    }
    return {
      calls: this.#entries.size,
      ...count,
      failed,
      failedRepeatable,
      lost,
      executedTwice,
      toldWrongly,
    };
  }

  /** Keys of the calls that failed although they may be repeated, in the order they were made. */
  failedRepeatable(): string[] {
    return [...this.#entries]
      .filter(([, { tool, told }]) => repeatable.has(tool) && told?.kind === 'failed')
      .map(([key]) => key);
  }

  /** One call, for the report of what went wrong. */
  describe(key: string): string {
    const { tool, told } = this.#entries.get(key)!;
    return `${tool} ${key}: ${JSON.stringify(told ?? 'nothing')}`;
  }
}
