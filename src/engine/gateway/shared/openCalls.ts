import { SlotMap } from '../../../shared/base/slotMap.ts';
import { wireIdOf, type Call } from '../../pipeline/call.ts';
import type { Launch } from '../../upstream/launch.ts';

/** Tokens of tasks whose call has been answered; their progress goes on (MCP 2025-11-25, Tasks). The oldest go first. */
const MAX_TASK_TOKENS = 1_000;

export interface OpenCall<M, S> {
  readonly call: Call;
  readonly member: M;
  readonly slot: S;
  readonly launch: Launch;
}

/** Whose each call is that is open at a shared server, by the id that the server knows. */
export class OpenCalls<M, S extends { openCalls: number }> {
  /** In the order in which they were, or are about to be, written. */
  readonly #open = new SlotMap<OpenCall<M, S>>();
  readonly #tasks = new Map<string, OpenCall<M, S>>();

  get size(): number {
    return this.#open.size;
  }

  /** Also of a call that is known already, and is now written again. */
  add(entry: OpenCall<M, S>): void {
    const id = wireIdOf(entry.call);
    this.remove(id);
    this.#open.set(id, entry);
    entry.slot.openCalls += 1;
  }

  /** The call that the server knows by this id (canonical JSON text). */
  find(id: string): OpenCall<M, S> | undefined {
    return this.#open.get(id);
  }

  /** The call that gave this token (canonical JSON text, as the server knows it). */
  findByToken(token: string): OpenCall<M, S> | undefined {
    const entry = this.#open.get(token) ?? this.#tasks.get(token);
    return entry?.call.progressToken === undefined ? undefined : entry;
  }

  /** The calls that are written to a launch and not answered, in the order of writing. */
  writtenTo(launch: Launch | undefined): OpenCall<M, S>[] {
    return [...this.#open.values()].filter(
      ({ call, launch: own }) =>
        own === launch && (call.delivery === 'written' || call.delivery === 'responding'),
    );
  }

  /** The call has its answer, or nobody waits for it any more. */
  remove(id: string): void {
    const entry = this.#open.get(id);
    if (entry === undefined) return;
    this.#open.delete(id);
    entry.slot.openCalls -= 1;
    const { isTask, progressToken } = entry.call;
    if (isTask && progressToken !== undefined) this.#keepToken(id, entry);
  }

  #keepToken(id: string, entry: OpenCall<M, S>): void {
    this.#tasks.set(id, entry);
    if (this.#tasks.size <= MAX_TASK_TOKENS) return;
    const [oldest] = this.#tasks.keys();
    if (oldest !== undefined) this.#tasks.delete(oldest);
  }

  /** Nobody is left to hear of what this client had begun. */
  forget(member: M): void {
    for (const table of [this.#open, this.#tasks])
      for (const [id, entry] of table) {
        if (entry.member !== member) continue;
        if (table.delete(id) && table === this.#open) entry.slot.openCalls -= 1;
      }
  }
}
