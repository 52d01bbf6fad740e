import type { EngineEvent } from '../../../shared/protocol/eventMessages.ts';

/** The same again within this time is counted, not kept again. */
const REPEAT_MS = 60_000;
/** Of so many different ones of a server the same is recognized. */
const MAX_RECENT = 16;
/** What a count and its times add to an event's text. */
const REPEAT_BYTES = 64;

export interface StoredEvent {
  event: EngineEvent;
  /** Grows with every event, and every repetition. */
  seq: number;
  readonly bytes: number;
  /** Monotonic milliseconds of the last time. */
  lastAt: number;
}

export interface RingLimits {
  readonly maxEvents: number;
  readonly maxBytes: number;
}

/**
 * The latest events in a bounded ring. It is shared fairly: when it is full, the server with the most loses its oldest, so that one that flaps
 * pushes out its own and not those of the others.
 */
export class EventRing {
  readonly #limits: RingLimits;
  readonly #byServer = new Map<string, StoredEvent[]>();
  readonly #recent = new Map<string, Map<string, StoredEvent>>();
  #count = 0;
  #bytes = 0;
  #seq = 0;
  #lastId = 0;

  constructor(limits: RingLimits) {
    this.#limits = limits;
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get seq(): number {
    return this.#seq;
  }

  /** The same event of the last minute, counted once more; `undefined` when there is none, and a new one has to be added. `now`: monotonic. */
  repeat(server: string, key: string, at: number, now: number, ms?: number): StoredEvent | undefined {
    const stored = this.#recent.get(server)?.get(key);
    if (stored === undefined || now - stored.lastAt > REPEAT_MS || !this.has(stored)) return undefined;
    const { event } = stored;
    stored.lastAt = now;
    stored.seq = this.#seq += 1;
    stored.event = {
      ...event,
      count: (event.count ?? 1) + 1,
      lastAt: at,
      ...(ms === undefined ? {} : { ms, totalMs: (event.totalMs ?? event.ms ?? 0) + ms }),
    };
    return stored;
  }

  add(event: Omit<EngineEvent, 'id'>, key: string, now: number): StoredEvent {
    const id = (this.#lastId += 1);
    const stored = this.#store({ id, ...event }, now);
    const server = event.server ?? '';
    let recent = this.#recent.get(server);
    if (recent === undefined) this.#recent.set(server, (recent = new Map<string, StoredEvent>()));
    recent.delete(key);
    recent.set(key, stored);
    const [oldest] = recent.keys();
    if (recent.size > MAX_RECENT && oldest !== undefined) recent.delete(oldest);
    return stored;
  }

  /** What an earlier engine kept; in order of their ids. */
  restore(events: Iterable<EngineEvent>): void {
    for (const event of events) {
      if (event.id <= this.#lastId || !Number.isSafeInteger(event.id)) continue;
      this.#lastId = event.id;
      this.#store(event, -Infinity);
    }
  }

  /** In order of their ids. */
  get all(): StoredEvent[] {
    return [...this.#byServer.values()].flat().sort((a, b) => a.event.id - b.event.id);
  }

  /** Lets go of what is older, by the wall clock. */
  forgetBefore(at: number): void {
    for (const [server, own] of this.#byServer)
      while (own[0] !== undefined && (own[0].event.lastAt ?? own[0].event.at) < at) this.#shift(server, own);
  }

  #store(event: EngineEvent, now: number): StoredEvent {
    const bytes = Buffer.byteLength(JSON.stringify(event)) + REPEAT_BYTES;
    const stored: StoredEvent = { event, seq: (this.#seq += 1), bytes, lastAt: now };
    const server = event.server ?? '';
    const own = this.#byServer.get(server);
    if (own === undefined) this.#byServer.set(server, [stored]);
    else own.push(stored);
    this.#count += 1;
    this.#bytes += bytes;
    while (this.#count > this.#limits.maxEvents || this.#bytes > this.#limits.maxBytes) this.#evict();
    return stored;
  }

  #evict(): void {
    let most: [string, StoredEvent[]] | undefined;
    for (const entry of this.#byServer) if (entry[1].length > (most?.[1].length ?? 0)) most = entry;
    if (most !== undefined) this.#shift(...most);
  }

  #shift(server: string, own: StoredEvent[]): void {
    const gone = own.shift();
    this.#count -= 1;
    this.#bytes -= gone?.bytes ?? 0;
    if (own.length > 0) return;
    this.#byServer.delete(server);
    this.#recent.delete(server);
  }

  /** Whether it is still in it. */
  has({ event }: StoredEvent): boolean {
    const first = this.#byServer.get(event.server ?? '')?.[0];
    return first !== undefined && first.event.id <= event.id;
  }
}
