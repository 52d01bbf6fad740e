import type { Clock } from '../../shared/base/clock.ts';
import { toDisposable, type Disposable } from '../../shared/base/disposable.ts';
import type { Random } from '../../shared/base/random.ts';
import type { Fault, FaultCode } from '../../shared/model/fault.ts';
import { adaptiveDelayMs } from '../policies/backoff/adaptiveDelay.ts';
import { backoffDelayMs, decorrelatedDelayMs, type BackoffOptions } from '../policies/backoff/backoff.ts';
import { RecoveryTimes } from '../policies/backoff/recoveryTimes.ts';
import type { Tide } from '../policies/backoff/tide.ts';
import { CrashHistory, wasProductive, type LaunchRecord, type RestartDecision } from './crashHistory.ts';

/** Who tries for all may take this long until another one may try as well: a hung start must not hold the others up. */
const TRIAL_PATIENCE_MS = 10_000;
/** Somebody new need not wait for the end of a long interval: the server is tried again this long after it failed last. */
const NEWCOMER_AFTER_MS = 10_000;
/** What ends together failed once. */
const TOGETHER_MS = 2_000;

/** Nothing has run that could have ended; it fails the same way at once, so it gets the wait that a first crash is spared. */
const neverBegan: ReadonlySet<FaultCode> = new Set([
  'spawnFailed',
  'connectionRefused',
  'connectTimeout',
  'unavailable',
  'rateLimited',
]);

export interface RecoveryPolicy {
  readonly backoff: BackoffOptions;
  readonly maxRestartAttempts: number;
}

/** When a connection that is down is tried again. */
export interface RecoveryPlan {
  readonly state: 'recovering' | 'crashLoop';
  readonly delayMs: number;
  /** Why it is down. */
  readonly fault: Fault;
}

/** One launch, as far as the server's recovery is concerned. */
export interface Attempt {
  /** Failures that were known when it began. */
  readonly round: number;
  readonly startedAt: number;
}

/** A connection of the server. */
export interface RecoveryMember {
  /** Tries now, if it waits for an attempt. Answers whether it did wait. */
  retry(): boolean;
  /** The server's time is another one; counts only while it waits for an attempt. */
  follow(plan: RecoveryPlan): void;
}

interface SharedPlan {
  readonly state: RecoveryPlan['state'];
  readonly dueAt: number;
  readonly failedAt: number;
  readonly fault: Fault;
}

/**
 * What a server's connections know together of its failures (requirements R5.2, R5.8). While none of them is usable they share one plan, and one
 * of them tries for all: many sessions of a broken server are no more attempts than one. When it succeeds the others follow at once.
 */
export class ServerRecovery {
  readonly #server: string;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #tide: Tide;
  readonly #history: CrashHistory;
  readonly #times = new RecoveryTimes();
  readonly #members = new Map<string, RecoveryMember>();
  readonly #usable = new Set<string>();
  #round = 0;
  #last:
    | {
        readonly decision: RestartDecision;
        readonly at: number;
        readonly delayMs: number;
        readonly wasProductive: boolean;
      }
    | undefined;
  #shared: SharedPlan | undefined;
  #trial: { readonly key: string; readonly since: number } | undefined;
  #attempts = 0;
  #downSince: number | undefined;
  #lastFailedMs = 0;
  /** A recovery that has yet to prove itself. */
  #pending: { readonly key: string; readonly byMs: number } | undefined;

  constructor(server: string, deps: { readonly clock: Clock; readonly random: Random; readonly tide: Tide }) {
    this.#server = server;
    this.#clock = deps.clock;
    this.#random = deps.random;
    this.#tide = deps.tide;
    this.#history = new CrashHistory(deps.clock);
  }

  /** Failed attempts since a connection of it was of use. */
  get attempts(): number {
    return this.#attempts;
  }

  get times(): RecoveryTimes {
    return this.#times;
  }

  /** A connection takes part until it is gone for good. */
  join(key: string, member: RecoveryMember): Disposable {
    this.#members.set(key, member);
    return toDisposable(() => {
      this.#members.delete(key);
      this.#usable.delete(key);
      if (this.#trial?.key !== key) return;
      this.#trial = undefined;
      // Another one tries in its place; the others see that, and go on waiting.
      for (const other of [...this.#members.values()]) if (other.retry()) return;
    });
  }

  /** Why a connection may not try now, and until when it waits; `undefined`: it may. `isNew`: it has not tried yet. */
  heldBack(key: string, isNew: boolean): RecoveryPlan | undefined {
    const shared = this.#shared;
    if (shared === undefined || this.#usable.size > 0) return undefined;
    const { state, failedAt, fault } = shared;
    const now = this.#clock.now();
    const dueAt = isNew ? Math.min(shared.dueAt, failedAt + NEWCOMER_AFTER_MS) : shared.dueAt;
    // A timer may come a fraction of a millisecond early.
    if (dueAt - now >= 1) return { state, fault, delayMs: dueAt - now };
    const trial = this.#trial;
    const leftMs = trial === undefined ? 0 : trial.since + TRIAL_PATIENCE_MS - now;
    if (trial !== undefined && trial.key !== key && leftMs >= 1) return { state, fault, delayMs: leftMs };
    this.#trial = { key, since: now };
    return undefined;
  }

  /** An attempt begins. */
  begin(): Attempt {
    return { round: this.#round, startedAt: this.#clock.now() };
  }

  /** The attempt succeeded: whoever waits need not wait any longer. */
  ready(key: string, attempt: Attempt): void {
    this.#usable.add(key);
    if (this.#trial?.key === key) this.#trial = undefined;
    if (this.#downSince !== undefined)
      this.#pending ??= { key, byMs: Math.max(0, attempt.startedAt - this.#downSince) };
    // One that began before the last failure proves nothing: it may be the very cause, where two exclude each other.
    if (attempt.round !== this.#round) return;
    this.#shared = undefined;
    for (const [other, member] of [...this.#members]) if (other !== key) member.retry();
  }

  /** It is not usable any more, for whatever reason. */
  lost(key: string): void {
    this.#usable.delete(key);
    if (this.#trial?.key === key) this.#trial = undefined;
  }

  /** Its launch ended, or failed to begin. Answers when it is tried again. */
  ended(
    key: string,
    attempt: Attempt,
    end: LaunchRecord & { readonly fault: Fault; readonly policy: RecoveryPolicy },
  ): RecoveryPlan {
    const now = this.#clock.now();
    this.lost(key);
    this.#noteOutage(key, attempt, end);
    const { state, delayMs } = this.#decide(attempt, end);
    const plan: RecoveryPlan = {
      state,
      delayMs: Math.max(delayMs, end.fault.retryAfterMs ?? 0),
      fault: end.fault,
    };
    if (this.#usable.size > 0 || plan.delayMs === 0) {
      this.#shared = undefined;
      return plan;
    }
    this.#shared = { state, dueAt: now + plan.delayMs, failedAt: now, fault: end.fault };
    for (const [other, member] of [...this.#members]) if (other !== key) member.follow(plan);
    return plan;
  }

  #decide(
    attempt: Attempt,
    end: LaunchRecord & { readonly fault: Fault; readonly policy: RecoveryPolicy },
  ): { readonly state: RecoveryPlan['state']; readonly delayMs: number } {
    const now = this.#clock.now();
    const { backoff, maxRestartAttempts } = end.policy;
    const last = this.#last;
    const isSameFailure =
      last !== undefined &&
      attempt.round !== this.#round &&
      (end.readyForMs === undefined || now - last.at < TOGETHER_MS);
    // Of sessions that are lost together one may have been of use and the other just started: whichever ends first, the server was of use.
    const isBetterNews = wasProductive(end) && last?.wasProductive === false;
    if (isSameFailure && !isBetterNews) {
      const state = last.decision.kind === 'crashLoop' ? 'crashLoop' : 'recovering';
      return { state, delayMs: Math.max(0, last.at + last.delayMs - now) };
    }
    this.#round += 1;
    this.#attempts = wasProductive(end) ? 1 : this.#attempts + 1;
    const decision = this.#history.ended(end, maxRestartAttempts);
    const isTide = this.#tide.note(this.#server);
    const delayMs =
      decision.kind === 'crashLoop'
        ? this.#loopDelayMs(decision.delayMs, backoff)
        : this.#retryDelayMs(decision.failures + (neverBegan.has(end.fault.code) ? 1 : 0), isTide, backoff);
    this.#last = { decision, at: now, delayMs, wasProductive: wasProductive(end) };
    return { state: decision.kind === 'crashLoop' ? 'crashLoop' : 'recovering', delayMs };
  }

  #retryDelayMs(failures: number, isTide: boolean, backoff: BackoffOptions): number {
    const plainMs = backoffDelayMs(failures, backoff, this.#random);
    if (plainMs === 0) return 0;
    if (isTide) return decorrelatedDelayMs(this.#last?.delayMs ?? 0, backoff, this.#random);
    return adaptiveDelayMs(plainMs, this.#elapsedMs, this.#times, backoff, this.#random);
  }

  /** A server that is usually back sooner is tried then; one that is not waits the whole interval. */
  #loopDelayMs(intervalMs: number, { baseMs, jitterRatio }: BackoffOptions): number {
    const likelyMs = this.#times.nextMs(this.#elapsedMs);
    if (likelyMs === undefined) return intervalMs;
    const inMs = likelyMs * (1 + this.#random() * jitterRatio) - this.#elapsedMs;
    return Math.min(intervalMs, Math.max(baseMs, inMs));
  }

  get #elapsedMs(): number {
    return this.#downSince === undefined ? 0 : this.#clock.now() - this.#downSince;
  }

  /** Keeps the times of an outage: from the first failure after it was of use, to the attempt that made it so again. */
  #noteOutage(key: string, attempt: Attempt, end: LaunchRecord): void {
    const now = this.#clock.now();
    if (wasProductive(end)) {
      const pending = this.#pending;
      if (pending !== undefined) {
        const { byMs } = pending;
        this.#times.note({ afterMs: Math.min(byMs, this.#lastFailedMs), byMs, attempts: this.#attempts });
      }
      this.#pending = undefined;
      this.#downSince = this.#usable.size === 0 ? now : undefined;
      this.#lastFailedMs = 0;
      return;
    }
    if (this.#pending?.key === key) this.#pending = undefined;
    if (this.#usable.size > 0) return;
    this.#downSince ??= now;
    this.#lastFailedMs = Math.max(this.#lastFailedMs, attempt.startedAt - this.#downSince);
  }

  /** A fresh start was asked for: nothing is held against it. What was learnt of its recoveries stays. */
  reset(): void {
    this.#history.reset();
    this.#last = undefined;
    this.#shared = undefined;
    this.#trial = undefined;
    this.#attempts = 0;
    this.#round += 1;
  }
}
