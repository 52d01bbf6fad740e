import type { CancelController } from '../../shared/base/cancellation.ts';
import type { Clock } from '../../shared/base/clock.ts';
import type { Disposable } from '../../shared/base/disposable.ts';
import type { Fault } from '../../shared/model/fault.ts';
import type { Launch } from '../upstream/launch.ts';
import type { CallTrace } from './callTrace.ts';
import { dueTimesOf, type DueItem, type DueTimes } from './dueTimes.ts';
import type { WireForm } from './wireForm.ts';

/**
 * What may be done with a call whose outcome is not known (requirements R2.4): `safe` and `idempotent` ones are
 * run again; `atMostOnce` ones never, once they have been written.
 */
export type RetryClass = 'safe' | 'idempotent' | 'atMostOnce';

/** How far a call has come. It can be repeated without thought only from `queued`. */
export type Delivery = 'queued' | 'written' | 'responding' | 'done';

export type Outcome =
  /** The server's own answer, byte for byte; `isStale`: it was given before, and is marked so. */
  | {
      readonly kind: 'answer';
      readonly line: Uint8Array;
      readonly isError: boolean;
      readonly isStale?: boolean;
    }
  | { readonly kind: 'fault'; readonly fault: Fault };

/** One request of a client on its way to a server and back. */
export interface Call {
  /** Order of arrival within the engine; who waits, waits in this order. */
  readonly seq: number;
  /** Short name for people: logs, journal and "outcome unknown" texts. */
  readonly callId: string;
  readonly session: string;
  readonly server: string;
  readonly method: string;
  readonly tool: string | undefined;
  /** The client's id, canonical JSON text. */
  readonly id: string;
  /** The client's message, byte for byte. */
  readonly line: Uint8Array;
  /** As a server gets it that several clients share; absent where the client's own message is written. */
  wire: WireForm | undefined;
  /** What telemetry keeps of it; absent while that is off. */
  trace: CallTrace | undefined;
  /** Canonical JSON text; progress with this token extends the deadline. */
  readonly progressToken: string | undefined;
  /** The request asks to be run as a task. */
  readonly isTask: boolean;
  /** By what the process it is written to says of the tool; until then by what is remembered. */
  retryClass: RetryClass;
  readonly deadline: Deadline;
  readonly controller: CancelController;
  /** Monotonic milliseconds. */
  readonly startedAt: number;
  delivery: Delivery;
  /** The server is there, but has no place for it yet; or had none until the call's end. */
  waitsForPlace: boolean;
  /** Milliseconds that it has waited for a place: time of its deadline that the server did not have. */
  waitedMs: number;
  /** Monotonic milliseconds when it was last handed to a server, unless that attempt is known to have failed. */
  sentAt: number | undefined;
  /** Milliseconds that servers had it in attempts that failed. */
  ranMs: number;
  /** Milliseconds that it has waited for a first start, which is no failure. */
  coldMs: number;
  /** Something that failed has held it up: a connection that was down, or an attempt before this one. */
  isHeldUp: boolean;
  /** While it was at the server, that asked the client something: its model, a person, its roots. */
  hasAsked: boolean;
  /** The highest progress the client has seen; a repeated call must not fall behind it (requirements R3.9). */
  highestProgress: number;
  /** Times it was handed to a server; not counted where that is disproved. */
  attempts: number;
  /** When the attempt failed that is tried again, monotonic milliseconds; until the next one is handed over. */
  failedAt: number | undefined;
  /** The process it is, or was last, written to. */
  launch: Launch | undefined;
  /** The client's own `notifications/cancelled`, passed on as it is. */
  cancelLine: Uint8Array | undefined;
  /** Resolves when the client has been answered; a server's later messages wait for this, to keep their order. */
  readonly settled: PromiseWithResolvers<undefined>;
}

/** The id (canonical JSON text) by which the server knows a call. */
export function wireIdOf(call: Call): string {
  return call.wire?.id ?? call.id;
}

/** It is handed to a server now. */
export function noteWritten(call: Call): void {
  call.delivery = 'written';
  call.attempts += 1;
}

/** The message of a call as its server gets it. */
export function wireLineOf(call: Call): Uint8Array {
  return (call.wire ?? call).line;
}

export interface DeadlineOptions {
  readonly totalMs: number;
  /** No extension and no pause reaches beyond this, counted from the start. */
  readonly capMs: number;
}

/**
 * One deadline over queueing and all attempts (gRPC A6). Stands still while somebody else is waited for — the
 * client's answer to a sampling or elicitation request, a server's first start — and starts anew on progress; never
 * beyond the cap.
 */
export class Deadline implements DueItem {
  readonly #clock: Clock;
  readonly #options: DeadlineOptions;
  readonly #onExpired: () => void;
  readonly #startedAt: number;
  #remainingMs: number;
  #runningSince: number | undefined;
  #pauses = 0;
  readonly #times: DueTimes;
  /** @internal */
  dueAt = Infinity;
  /** @internal */
  place = -1;
  #cap: Disposable | undefined;
  #over = false;

  constructor(clock: Clock, options: DeadlineOptions, onExpired: () => void) {
    this.#clock = clock;
    this.#times = dueTimesOf(clock);
    this.#options = options;
    this.#onExpired = onExpired;
    this.#startedAt = clock.now();
    this.#remainingMs = options.totalMs;
    this.#run(this.#startedAt);
  }

  /** Monotonic milliseconds. */
  get startedAt(): number {
    return this.#startedAt;
  }

  /** Milliseconds since the start. */
  get elapsedMs(): number {
    return this.#clock.now() - this.#startedAt;
  }

  /** Milliseconds left, as things are; while it stands still, what will be left. */
  get remainingMs(): number {
    const running = this.#runningSince === undefined ? 0 : this.#clock.now() - this.#runningSince;
    return Math.min(this.#remainingMs - running, this.#options.capMs - this.elapsedMs);
  }

  /** Stands still until `resume` was called as often. */
  pause(): void {
    this.#pauses += 1;
    if (this.#pauses > 1 || this.#over) return;
    this.#times.delete(this);
    this.#remainingMs -= this.#clock.now() - (this.#runningSince ?? this.#clock.now());
    this.#runningSince = undefined;
    this.#cap ??= this.#clock.setTimer(this.#options.capMs - this.elapsedMs, () => this.onDue());
  }

  resume(): void {
    this.#pauses -= 1;
    if (this.#pauses === 0 && !this.#over) this.#run(this.#clock.now());
  }

  /** The server reported progress: the whole time from now on. */
  extend(): void {
    this.#remainingMs = this.#options.totalMs;
    if (this.#pauses === 0 && !this.#over) this.#run(this.#clock.now());
  }

  dispose(): void {
    this.#over = true;
    this.#times.delete(this);
    this.#cap?.dispose();
  }

  #run(now: number): void {
    this.#times.delete(this);
    this.#runningSince = now;
    this.dueAt = Math.min(now + this.#remainingMs, this.#startedAt + this.#options.capMs);
    this.#times.add(this);
  }

  /** @internal Its time is over. */
  onDue(): void {
    if (this.#over) return;
    this.dispose();
    this.#onExpired();
  }
}
