import { FairQueue, type QueueTicket } from '../pool/fairQueue.ts';

/**
 * Who goes first (requirements R10.1): `critical`: somebody waits for the answer; `high`: what a session needs besides; `normal`: our own checks;
 * `low`: what might be useful later.
 */
export const requestClasses = ['critical', 'high', 'normal', 'low'] as const;
export type RequestClass = (typeof requestClasses)[number];

/** The shares of the classes when all of them wait. */
const WEIGHTS: Readonly<Record<RequestClass, number>> = { critical: 64, high: 16, normal: 4, low: 1 };
/** A class whose next entry has waited this long, and that got nothing meanwhile, is next. */
const AGED_MS = 5_000;
/** At most one turn in so many is given for age: at a low rate the classes below must not take it all. */
const TURNS_PER_AGED = 4;

/** One place in the queue. Only the queue that gave it reads what is behind it. */
export interface ClassTicket<T> {
  readonly value: T;
}

interface Entry<T> {
  readonly value: T;
  readonly since: number;
}

interface Ticket<T> extends ClassTicket<T> {
  readonly line: Line<T>;
  readonly place: QueueTicket<Entry<T>>;
}

interface Line<T> {
  readonly requestClass: RequestClass;
  readonly queue: FairQueue<Entry<T>>;
  /** Virtual time of its next turn (stride scheduling; Waldspurger and Weihl 1995). */
  pass: number;
  takenAt: number;
}

/**
 * A waiting line of four classes. Between classes turns are shared by weight, so that a class which asks for less than its share is
 * served at once, and none ever stands still; within a class clients take turns ({@link FairQueue}). Adding, taking and removing cost
 * the same however many wait.
 */
export class ClassQueue<T> {
  readonly #line: Readonly<Record<RequestClass, Line<T>>> = {
    critical: newLine('critical'),
    high: newLine('high'),
    normal: newLine('normal'),
    low: newLine('low'),
  };
  readonly #lines: readonly Line<T>[] = requestClasses.map((requestClass) => this.#line[requestClass]);
  #virtualTime = 0;
  #turnsSinceAged = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  sizeOf(requestClass: RequestClass): number {
    return this.#line[requestClass].queue.size;
  }

  /** How many of this client wait in a class. */
  sizeOfClient(requestClass: RequestClass, client: string): number {
    return this.#line[requestClass].queue.sizeOf(client);
  }

  /** How many turns of its class come before one more entry of this client, at least. */
  ahead(requestClass: RequestClass, client: string): number {
    const { queue } = this.#line[requestClass];
    // Between two turns of a client every other one that waits has exactly one.
    return Math.min(queue.size, queue.sizeOf(client) * queue.clients);
  }

  add(requestClass: RequestClass, client: string, order: number, value: T, now: number): ClassTicket<T> {
    const line = this.#line[requestClass];
    // Who did not wait has saved nothing up.
    if (line.queue.size === 0) line.pass = Math.max(line.pass, this.#virtualTime);
    const place = line.queue.add(client, order, { value, since: now });
    this.#size += 1;
    const ticket: Ticket<T> = { value, line, place };
    return ticket;
  }

  /** Takes an entry out, wherever it stands. False when it is out already. */
  remove(ticket: ClassTicket<T>): boolean {
    const { line, place } = ticket as Ticket<T>;
    if (!line.queue.remove(place)) return false;
    this.#size -= 1;
    return true;
  }

  /** Whether this class has waited for long without a turn. */
  isAged(requestClass: RequestClass, now: number): boolean {
    return waitedMs(this.#line[requestClass], now) >= AGED_MS;
  }

  /** The next entry, of those classes that may have a turn now. */
  take(now: number, may: (requestClass: RequestClass) => boolean = () => true): T | undefined {
    const next = this.#nextLine(now, may);
    const entry = next?.line.queue.take();
    if (next === undefined || entry === undefined) return undefined;
    const { line, isAged } = next;
    this.#size -= 1;
    this.#turnsSinceAged = isAged ? 0 : this.#turnsSinceAged + 1;
    // A turn for age comes out of nobody's turn, and moves no clock.
    if (!isAged) {
      this.#virtualTime = Math.max(this.#virtualTime, line.pass);
      line.pass += 1 / WEIGHTS[line.requestClass];
    }
    line.takenAt = now;
    return entry.value;
  }

  #nextLine(
    now: number,
    may: (requestClass: RequestClass) => boolean,
  ): { line: Line<T>; isAged: boolean } | undefined {
    let next: Line<T> | undefined;
    let oldest: Line<T> | undefined;
    let oldestMs = AGED_MS;
    const mayAge = this.#turnsSinceAged >= TURNS_PER_AGED - 1;
    for (const line of this.#lines) {
      if (line.queue.size === 0 || !may(line.requestClass)) continue;
      if (next === undefined || line.pass < next.pass) next = line;
      if (!mayAge) continue;
      const ms = waitedMs(line, now);
      if (ms < oldestMs) continue;
      oldest = line;
      oldestMs = ms;
    }
    if (oldest !== undefined && oldest !== next) return { line: oldest, isAged: true };
    return next === undefined ? undefined : { line: next, isAged: false };
  }
}

function newLine<T>(requestClass: RequestClass): Line<T> {
  return { requestClass, queue: new FairQueue(), pass: 0, takenAt: -Infinity };
}

/** Since its last turn, or since its next one began to wait. */
function waitedMs<T>({ queue, takenAt }: Line<T>, now: number): number {
  return now - Math.max(takenAt, queue.peek()?.since ?? now);
}
