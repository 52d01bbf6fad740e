import { SlotMap } from '../../../shared/base/slotMap.ts';

/** One place in the line. Only the queue that gave it reads what is behind it. */
export interface QueueTicket<T> {
  readonly value: T;
}

interface Node<T> extends QueueTicket<T> {
  readonly order: number;
  readonly line: Line<T>;
  previous: Node<T> | undefined;
  next: Node<T> | undefined;
  isQueued: boolean;
}

interface Line<T> {
  readonly session: string;
  first: Node<T> | undefined;
  last: Node<T> | undefined;
  size: number;
}

/**
 * A waiting line that is fair between sessions: they take turns, one entry each (round robin, RFC 970), and within a session the
 * lowest `order` comes first. Between two turns of a session that waits, every other waiting session has exactly one.
 *
 * Adding at the end, taking and removing cost the same however many wait. An entry that comes back in front of others (it had been
 * taken, and must wait again) walks past those that it overtakes, all of its own session. Classes of priority, when there are any,
 * are a queue each.
 */
export class FairQueue<T> {
  /** In the order of their turns; only sessions that have somebody waiting. */
  readonly #lines = new SlotMap<Line<T>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** How many of this session wait. */
  sizeOf(session: string): number {
    return this.#lines.get(session)?.size ?? 0;
  }

  /** How many sessions have somebody waiting. */
  get clients(): number {
    return this.#lines.size;
  }

  /** The one that `take` would give. */
  peek(): T | undefined {
    for (const line of this.#lines.values()) return line.first?.value;
    return undefined;
  }

  add(session: string, order: number, value: T): QueueTicket<T> {
    let line = this.#lines.get(session);
    if (line === undefined) {
      line = { session, first: undefined, last: undefined, size: 0 };
      this.#lines.set(session, line);
    }
    let previous = line.last;
    while (previous !== undefined && previous.order > order) previous = previous.previous;
    const next = previous === undefined ? line.first : previous.next;
    const node: Node<T> = { value, order, line, previous, next, isQueued: true };
    if (previous === undefined) line.first = node;
    else previous.next = node;
    if (next === undefined) line.last = node;
    else next.previous = node;
    line.size += 1;
    this.#size += 1;
    return node;
  }

  /** Takes an entry out, wherever it stands. False when it is out already. */
  remove(ticket: QueueTicket<T>): boolean {
    const node = ticket as Node<T>;
    if (!node.isQueued) return false;
    const { line, previous, next } = node;
    node.isQueued = false;
    if (previous === undefined) line.first = next;
    else previous.next = next;
    if (next === undefined) line.last = previous;
    else next.previous = previous;
    // A node that has left must not keep those behind it: an old one would make them old too, one after another (see `SlotMap`).
    node.previous = undefined;
    node.next = undefined;
    line.size -= 1;
    this.#size -= 1;
    if (line.size === 0) this.#lines.delete(line.session);
    return true;
  }

  /** The next one, whose session then waits for all others' turns. */
  take(): T | undefined {
    for (const line of this.#lines.values()) {
      const node = line.first;
      if (node === undefined) continue; // an empty line is never kept
      const isAlone = this.#lines.size === 1;
      if (!isAlone) this.#lines.delete(line.session);
      this.remove(node);
      if (!isAlone && line.size > 0) this.#lines.set(line.session, line);
      return node.value;
    }
    return undefined;
  }
}
