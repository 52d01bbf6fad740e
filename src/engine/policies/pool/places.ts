import { AdaptiveLimit, type LoadSignal } from './adaptiveLimit.ts';
import { FairQueue, type QueueTicket } from './fairQueue.ts';

/** A call's place at the server. */
export interface Lease {
  /** Gives the place back; only the first time counts. */
  release(signal: LoadSignal): void;
}

/** Somebody who waits for a place. */
export interface Waiting {
  /** Waits no longer; false when the place has been given already. */
  leave(): boolean;
}

/** Waiting calls of one session; one more is refused. */
const MAX_QUEUED = 100;
/** Waiting calls of all sessions of a server together. */
const MAX_QUEUED_IN_ALL = 10_000;

interface Waiter {
  readonly session: SessionPlaces;
  readonly granted: (lease: Lease) => void;
}

/**
 * The places for calls at one server, shared by all its sessions (a bulkhead): as many as the limit says, and a fair line of those who
 * wait for one. Everything happens at once and in order; nobody waits while a place is free.
 */
export class Places {
  static readonly maxQueued = MAX_QUEUED;
  readonly #limit: AdaptiveLimit;
  readonly #now: () => number;
  readonly #onQueueChange: () => void;
  readonly #queue = new FairQueue<Waiter>();
  /** Told when a place is free that nobody waits for here. */
  onRoom: (() => void) | undefined;
  #occupied = 0;
  #mostQueued = 0;

  /** `now`: monotonic milliseconds. `onQueueChange` is told when the first one waits, and when nobody waits any more. */
  constructor(max: number, now: () => number, onQueueChange: () => void = () => undefined) {
    this.#limit = new AdaptiveLimit(max);
    this.#now = now;
    this.#onQueueChange = onQueueChange;
  }

  get max(): number {
    return this.#limit.max;
  }

  /** How many calls may be at the server now. */
  get limit(): number {
    return this.#limit.value;
  }

  /** Calls at the server; those that wait for their client are not counted. May be above the limit when it has sunk. */
  get occupied(): number {
    return this.#occupied;
  }

  get queued(): number {
    return this.#queue.size;
  }

  /** The most that waited at one time since this was asked for the last time. */
  takeMostQueued(): number {
    const most = this.#mostQueued;
    this.#mostQueued = this.#queue.size;
    return most;
  }

  /** One more call would get a place at once. */
  get hasRoom(): boolean {
    return this.#occupied < this.#limit.value && this.#queue.size === 0;
  }

  setMax(max: number): void {
    this.#limit.setMax(max);
    this.#fill();
  }

  /** One session's part. Needs no end: without calls it is nothing. */
  session(key: string): SessionPlaces {
    return new SessionPlaces(key, this);
  }

  /** @internal A place for `session`, if one is free. */
  take(session: SessionPlaces): Lease | undefined {
    return this.#occupied < this.#limit.value ? this.#lease(session) : undefined;
  }

  /** @internal Calls `granted` when there is a place; gives nothing when too many wait. */
  wait(session: SessionPlaces, order: number, granted: (lease: Lease) => void): Waiting | undefined {
    const queue = this.#queue;
    if (queue.sizeOf(session.key) >= MAX_QUEUED || queue.size >= MAX_QUEUED_IN_ALL) return undefined;
    const ticket: QueueTicket<Waiter> = queue.add(session.key, order, { session, granted });
    this.#fill();
    if (queue.size > this.#mostQueued) this.#mostQueued = queue.size;
    if (queue.size === 1) this.#onQueueChange();
    return {
      leave: () => {
        if (!queue.remove(ticket)) return false;
        if (queue.size === 0) this.#onQueueChange();
        return true;
      },
    };
  }

  /** @internal So many places more, or less, are taken. */
  shift(by: number): void {
    this.#occupied += by;
    if (by < 0) this.#fill();
  }

  #lease(session: SessionPlaces): Lease {
    session.hold(1);
    const { era } = this.#limit;
    let released = false;
    return {
      release: (signal) => {
        if (released) return;
        released = true;
        const inFlight = Math.max(1, this.#occupied);
        this.#limit.note(signal, { era, inFlight, now: this.#now });
        session.hold(-1);
        this.#fill();
      },
    };
  }

  #fill(): void {
    while (this.#occupied < this.#limit.value) {
      const waiter = this.#queue.take();
      if (waiter === undefined) {
        this.onRoom?.();
        return;
      }
      if (this.#queue.size === 0) this.#onQueueChange();
      waiter.granted(this.#lease(waiter.session));
    }
  }
}

/** The places of one session. */
export class SessionPlaces {
  readonly key: string;
  readonly #places: Places;
  #held = 0;
  #clientRequests = 0;

  constructor(key: string, places: Places) {
    this.key = key;
    this.#places = places;
  }

  /** A place, if one is free: then nobody is waiting. */
  take(): Lease | undefined {
    return this.#places.take(this);
  }

  /**
   * Calls `granted` when it is this session's turn and, within the session, that of the lowest `order`; perhaps at once. Gives nothing
   * when too many wait already.
   */
  wait(order: number, granted: (lease: Lease) => void): Waiting | undefined {
    return this.#places.wait(this, order, granted);
  }

  /**
   * The server waits for the client's answer to so many requests (sampling, elicitation): as many calls do not occupy it. Which ones
   * is not known, and need not be. They need no place to go on, so there may be more at the server than the limit for a while.
   */
  noteClientRequests(open: number): void {
    const before = this.#counted;
    this.#clientRequests = open;
    const by = this.#counted - before;
    if (by !== 0) this.#places.shift(by);
  }

  /** @internal */
  hold(by: 1 | -1): void {
    const before = this.#counted;
    this.#held += by;
    const shift = this.#counted - before;
    if (shift !== 0) this.#places.shift(shift);
  }

  get #counted(): number {
    return Math.max(0, this.#held - this.#clientRequests);
  }
}
