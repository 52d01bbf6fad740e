import type { Clock } from '../../shared/base/clock.ts';
import { toDisposable, type Disposable } from '../../shared/base/disposable.ts';
import type { Random } from '../../shared/base/random.ts';
import type { Fault } from '../../shared/model/fault.ts';
import { tierOrder, type Tier } from '../../shared/model/tier.ts';

/** The tick comes this much earlier or later, at most. */
const TICK_JITTER = 0.1;

/** What is put into the queue. */
export interface PlannedAttempt {
  /** Unique within the engine. */
  readonly key: string;
  readonly server: string;
  readonly tier: Tier;
  /** Failed attempts so far. */
  readonly attempts: number;
  readonly fault: Fault | undefined;
  readonly delayMs: number;
}

/** A connection that is down. */
export interface QueueEntry {
  readonly key: string;
  readonly server: string;
  readonly tier: Tier;
  readonly attempts: number;
  readonly fault: Fault | undefined;
  /** Monotonic milliseconds when it came into the queue. */
  readonly since: number;
  /** Monotonic milliseconds of the next attempt; absent while one is under way. */
  readonly dueAt: number | undefined;
}

/** A connection, as the queue sees it. */
export interface QueueMember {
  /** It is down and nothing is under way: without a plan it would be down for ever. */
  readonly needsAttempt: () => boolean;
  /** Tries now. */
  retry(): void;
}

export interface RecoveryQueueOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** The setting `recoveryInterval`; asked before each tick. */
  readonly intervalMs: () => number;
  readonly onError: (error: unknown) => void;
  /** Told of a connection that was down without a plan. */
  readonly onForgotten?: (key: string) => void;
}

/**
 * The one scheduler that decides when a connection that is down is tried again (design §4); everything else only proposes
 * a time. An entry leaves it only recovered, or removed by the user (requirements R5.2). Each is tried at its exact time, what is due
 * together by tier and then by age; a tick looks for what was forgotten.
 */
export class RecoveryQueue implements Disposable {
  readonly #options: RecoveryQueueOptions;
  readonly #entries = new Map<string, QueueEntry>();
  readonly #members = new Map<string, QueueMember>();
  #timer: { readonly at: number; readonly handle: Disposable } | undefined;
  #tick: Disposable | undefined;
  #disposed = false;

  constructor(options: RecoveryQueueOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** By tier, then by age: the order in which what is due is tried. */
  get entries(): readonly QueueEntry[] {
    return [...this.#entries.values()].sort(
      (a, b) => tierOrder(a.tier) - tierOrder(b.tier) || a.since - b.since,
    );
  }

  /** Makes a connection known, until it is gone for good. */
  join(key: string, member: QueueMember): Disposable {
    this.#members.set(key, member);
    return toDisposable(() => {
      if (this.#members.get(key) !== member) return;
      this.#members.delete(key);
      this.remove(key);
    });
  }

  /** Tries the connection in `delayMs`; an earlier plan for it is replaced. */
  plan(attempt: PlannedAttempt): void {
    if (this.#disposed) return;
    const now = this.#options.clock.now();
    const { key, server, tier, attempts, fault, delayMs } = attempt;
    const since = this.#entries.get(key)?.since ?? now;
    const dueAt = now + Math.max(0, delayMs);
    this.#entries.set(key, { key, server, tier, attempts, fault, since, dueAt });
    if (dueAt < (this.#timer?.at ?? Infinity)) this.#armAt(dueAt);
    this.#watch();
  }

  /** An attempt is under way. */
  begin(key: string): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) this.#entries.set(key, { ...entry, dueAt: undefined });
  }

  /** Recovered, or removed by the user. */
  remove(key: string): void {
    this.#entries.delete(key);
    if (this.#entries.size > 0) return;
    this.#timer?.handle.dispose();
    this.#timer = undefined;
    // The tick ends by itself: something may be down that has no entry, and only the tick would find it.
  }

  /** Something is down now and should have a plan soon: the tick makes sure of it. */
  expect(): void {
    this.#watch();
  }

  /** Milliseconds until the connection is tried; absent when no attempt is planned. */
  dueInMs(key: string): number | undefined {
    const dueAt = this.#entries.get(key)?.dueAt;
    return dueAt === undefined ? undefined : Math.max(0, dueAt - this.#options.clock.now());
  }

  /** One timer for all: for what is due first. One that fires for nothing, because plans have changed, looks for the next. */
  #armAt(at: number): void {
    this.#timer?.handle.dispose();
    const { clock } = this.#options;
    const handle = clock.setTimer(at - clock.now(), () => {
      this.#timer = undefined;
      this.#tryDue();
    });
    this.#timer = { at, handle };
  }

  #tryDue(): void {
    const now = this.#options.clock.now();
    for (const { key, dueAt } of this.entries) {
      // A timer may come a fraction of a millisecond early. An earlier one of this round may have changed the plan.
      if (dueAt === undefined || dueAt - now >= 1 || this.#entries.get(key)?.dueAt !== dueAt) continue;
      this.begin(key);
      this.#retry(key);
    }
    let at = Infinity;
    for (const { dueAt } of this.#entries.values()) if (dueAt !== undefined && dueAt < at) at = dueAt;
    if (at < (this.#timer?.at ?? Infinity)) this.#armAt(at);
  }

  #retry(key: string): void {
    try {
      this.#members.get(key)?.retry();
    } catch (error) {
      this.#options.onError(error); // the tick finds it again
    }
  }

  #watch(): void {
    if (this.#tick !== undefined || this.#disposed) return;
    const { clock, random, intervalMs } = this.#options;
    // Whole milliseconds: a tick in the last one before an entry's time would try it too early.
    const inMs = Math.round(intervalMs() * (1 + (random() * 2 - 1) * TICK_JITTER));
    this.#tick = clock.setTimer(inMs, () => {
      this.#tick = undefined;
      this.#findForgotten();
    });
  }

  /** What is down, and neither planned nor under way; or planned, and past its time. */
  #findForgotten(): void {
    this.#tryDue();
    for (const [key, member] of [...this.#members]) {
      if (!member.needsAttempt() || this.#entries.get(key)?.dueAt !== undefined) continue;
      this.#options.onForgotten?.(key);
      this.#retry(key);
    }
    if (this.#entries.size > 0 || [...this.#members.values()].some(({ needsAttempt }) => needsAttempt()))
      this.#watch();
  }

  dispose(): void {
    this.#disposed = true;
    for (const key of [...this.#entries.keys()]) this.remove(key);
    this.#tick?.dispose();
    this.#tick = undefined;
    this.#members.clear();
  }
}
