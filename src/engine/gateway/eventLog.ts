import type { Clock } from '../../shared/base/clock.ts';
import { copyOf } from '../../shared/base/copyOf.ts';
import type { Disposable } from '../../shared/base/disposable.ts';

/** Events of one session that are kept for clients that come back; then the oldest goes. */
const MAX_EVENTS = 1_000;
/** What they hold. */
const MAX_EVENTS_BYTES = 8_388_608;
/** What those of all sessions hold. */
const MAX_ALL_EVENTS_BYTES = 67_108_864;
/** An event that is older is not kept. */
const EVENT_AGE_MS = 300_000;

/** The number of the client's own stream; those of requests count from 1. */
export const OWN_STREAM = 0;

/** A place in a stream: after that many of its events. */
export interface EventPlace {
  readonly stream: number;
  readonly seq: number;
}

/** Reads an id of ours (`Last-Event-ID`); a client may send anything. */
export function readEventId(id: string): EventPlace | undefined {
  const [, stream, seq] = /^(\d{1,15})-(\d{1,15})$/.exec(id) ?? [];
  return stream === undefined ? undefined : { stream: Number(stream), seq: Number(seq) };
}

/** No two events of a session have the same (MCP 2025-11-25, "Resumability and Redelivery"). */
export function eventId({ stream, seq }: EventPlace): string {
  return `${stream}-${seq}`;
}

export interface KeptEvent extends EventPlace {
  /** Empty where the stream ended without a message. */
  readonly message: Uint8Array;
  readonly isLast: boolean;
  /** Clock time. */
  readonly at: number;
}

/** What is kept by all sessions together. */
export class EventBudget {
  usedBytes = 0;
  /** Those that keep something. */
  readonly logs = new Set<EventLog>();
}

/** The events of one session's streams, for a client that lost its connection: bounded by number, bytes and age, the oldest go first. */
export class EventLog {
  /** An event that is larger is not kept. */
  static readonly maxEventBytes = MAX_EVENTS_BYTES;
  readonly #clock: Clock;
  readonly #budget: EventBudget;
  #events: KeptEvent[] = [];
  #bytes = 0;
  #lastStream = OWN_STREAM;
  #expiry: Disposable | undefined;

  constructor(clock: Clock, budget: EventBudget) {
    this.#clock = clock;
    this.#budget = budget;
  }

  get size(): number {
    return this.#events.length;
  }

  /** A number that no stream of the session has had. */
  nextStream(): number {
    this.#lastStream += 1;
    return this.#lastStream;
  }

  append(place: EventPlace, message: Uint8Array, isLast: boolean): void {
    // A small piece of a large chunk would keep all of that.
    const isPiece = message.length * 2 < message.buffer.byteLength;
    const kept = isPiece ? copyOf(message) : message;
    this.#events.push({ ...place, message: kept, isLast, at: this.#clock.now() });
    this.#bytes += kept.length;
    this.#budget.usedBytes += kept.length;
    this.#budget.logs.add(this);
    while (this.#events.length > MAX_EVENTS || this.#bytes > MAX_EVENTS_BYTES) this.#dropOldest();
    while (this.#budget.usedBytes > MAX_ALL_EVENTS_BYTES) this.#largest.#dropOldest();
    this.#expiry ??= this.#expireLater(EVENT_AGE_MS);
  }

  /** What of a stream came after a place in it, as far as it is kept. */
  after({ stream, seq }: EventPlace): readonly KeptEvent[] {
    return this.#events.filter((event) => event.stream === stream && event.seq > seq);
  }

  /** The stream has ended, and its end is kept. */
  hasEndOf(stream: number): boolean {
    return this.#events.some((event) => event.stream === stream && event.isLast);
  }

  /** The session that keeps most: few events of one must not go because others have many. */
  get #largest(): EventLog {
    let largest: EventLog | undefined;
    for (const other of this.#budget.logs)
      if (largest === undefined || other.#bytes > largest.#bytes) largest = other;
    return largest ?? this;
  }

  #dropOldest(): void {
    const bytes = this.#events.shift()?.message.length ?? 0;
    this.#bytes -= bytes;
    this.#budget.usedBytes -= bytes;
  }

  #expireLater(delayMs: number): Disposable {
    return this.#clock.setTimer(
      delayMs,
      () => {
        this.#expiry = undefined;
        for (;;) {
          const [oldest] = this.#events;
          if (oldest === undefined) return;
          const leftMs = oldest.at + EVENT_AGE_MS - this.#clock.now();
          if (leftMs > 0) {
            this.#expiry = this.#expireLater(leftMs);
            return;
          }
          this.#dropOldest();
        }
      },
      { unref: true },
    );
  }

  dispose(): void {
    this.#expiry?.dispose();
    this.#budget.usedBytes -= this.#bytes;
    this.#bytes = 0;
    this.#events = [];
    this.#budget.logs.delete(this);
  }
}
