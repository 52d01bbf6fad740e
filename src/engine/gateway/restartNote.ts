import type { Call } from '../pipeline/call.ts';
import { NOTE_META } from '../../shared/protocol/answers.ts';
import { appendItem, membersOf } from '../../shared/protocol/insert.ts';

/**
 * Tells the model, once, that a server has lost what it kept in memory (requirements R5.11): with the first tool result of a process that came
 * after one that had answered a tool call of the same session. Also after a restart that a person asked for: the person knows, the model
 * does not.
 */
export class RestartNote {
  readonly #server: string;
  #answeredBy: Call['launch'];
  #isDue: boolean;

  /** `isDue`: an engine before this one had a process of the session run tools. */
  constructor(server: string, isDue: boolean) {
    this.#server = server;
    this.#isDue = isDue;
  }

  /** The answer to a tool call as the client should get it: with the note where it is due and `isWanted`, else as it is. */
  apply(call: Call, line: Uint8Array, isWanted: boolean): Uint8Array {
    const { launch } = call;
    // Where several processes serve one session another one is no restart.
    if (launch !== this.#answeredBy && this.#answeredBy?.hasEnded === true) this.#isDue = true;
    if (launch !== undefined) this.#answeredBy = launch;
    if (!this.#isDue) return line;
    const noted = isWanted ? withNote(line, this.#server, launch?.pid === undefined) : line;
    // An error, or the beginning of a task, has no room for it; the next result has.
    if (noted === undefined) return line;
    this.#isDue = false;
    return noted;
  }
}

/** The result with one more text in its `content`; `undefined` when it has none. `structuredContent` is bound to a schema, and stays. */
function withNote(line: Uint8Array, server: string, isRemote: boolean): Uint8Array | undefined {
  const result = membersOf(line, { start: 0, end: line.length }, ['result']).get('result');
  const content = result === undefined ? undefined : membersOf(line, result, ['content']).get('content');
  if (content === undefined) return undefined;
  const what = isRemote ? 'lost the session, and a new one was opened,' : 'was restarted';
  const text =
    `Note of MCP Lifeline: the MCP server "${server}" ${what} after an earlier call of this session. ` +
    'What it kept in memory (such as open files or pages, logins, variables) may be gone.';
  const item = { type: 'text', text, _meta: { [NOTE_META]: { code: 'restarted', server } } };
  return appendItem(line, content, JSON.stringify(item));
}
