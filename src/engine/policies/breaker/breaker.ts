import { assertNever } from '../../../shared/base/assertNever.ts';
import type { Clock } from '../../../shared/base/clock.ts';
import { toDisposable, type Disposable } from '../../../shared/base/disposable.ts';
import { Emitter } from '../../../shared/base/emitter.ts';
import type { BreakerStateName } from '../../../shared/model/snapshot.ts';
import { TripRule } from './tripRule.ts';

type State =
  | { readonly kind: 'closed' }
  | { readonly kind: 'open'; readonly until: number; readonly trips: number }
  | { readonly kind: 'halfOpen'; readonly trips: number; running: number; successes: number }
  | { readonly kind: 'isolated'; readonly holders: number };

/** Legal moves; force recovery may close an open or half-open breaker. */
export const legalBreakerMoves: Readonly<Record<BreakerStateName, readonly BreakerStateName[]>> = {
  closed: ['open', 'isolated'],
  open: ['halfOpen', 'closed', 'isolated'],
  halfOpen: ['closed', 'open', 'isolated'],
  isolated: ['closed', 'isolated'],
};

/** Throws when the table does not have the move: that is a bug of ours, never of a server. */
export function checkBreakerMove(from: BreakerStateName, to: BreakerStateName): void {
  if (!legalBreakerMoves[from].includes(to)) throw new Error(`Illegal breaker move ${from} -> ${to}`);
}

export interface BreakerOptions {
  readonly failureThreshold: number;
  readonly successThreshold: number;
  readonly recoveryTimeoutMs: number;
}

/** The open time doubles with each trip up to this (requirements R2, Envoy's longest ejection). */
const MAX_OPEN_MS = 300_000;

export type Admission =
  | { readonly kind: 'go'; readonly ticket: Ticket }
  /** Half-open, and all trials are taken: wait for the verdict (`onDidChange`) and ask again. */
  | { readonly kind: 'wait' }
  | {
      readonly kind: 'rejected';
      readonly reason: 'open' | 'isolated';
      readonly retryAfterMs: number | undefined;
    };

/** Settled once with what became of the admitted call; later settlements are ignored. */
export interface Ticket {
  success(): void;
  failure(): void;
  /** Neither: the call was cancelled, or its failure was counted already. */
  neutral(): void;
}

/**
 * A circuit breaker per server: closed, open, half-open, isolated. Only transport, timeout and protocol failures are
 * reported to it; a tool that answers `isError` is a success. A result that belongs to an earlier state is
 * dropped. Vocabulary: Polly; state machine: Nygard, "Release It!".
 */
export class Breaker {
  readonly #clock: Clock;
  #options: BreakerOptions;
  readonly #rule: TripRule;
  readonly #changed: Emitter<BreakerStateName>;
  #state: State = { kind: 'closed' };
  #opens = 0;

  constructor(clock: Clock, options: BreakerOptions, onListenerError: (error: unknown) => void) {
    this.#clock = clock;
    this.#options = options;
    this.#rule = new TripRule(options.failureThreshold);
    this.#changed = new Emitter(onListenerError);
  }

  /**
   * Takes other thresholds over. What has happened stays known: an open breaker stays open until the time it has told, an isolated one isolated, and
   * failures in a row count on; a lower `failureThreshold` opens with the next failure, not by itself.
   */
  configure(options: BreakerOptions): void {
    this.#options = options;
    this.#rule.failureThreshold = options.failureThreshold;
    const state = this.#state;
    if (state.kind !== 'halfOpen') return;
    if (state.successes >= options.successThreshold) this.#close();
    // More trials may run now than those that wait were told.
    else this.#changed.fire(state.kind);
  }

  /** Fired after each change, and when a half-open trial frees its place. */
  get onDidChange(): Emitter<BreakerStateName>['event'] {
    return this.#changed.event;
  }

  get state(): BreakerStateName {
    return this.#state.kind;
  }

  /** Failures in a row. */
  get failures(): number {
    return this.#rule.consecutiveFailures;
  }

  /** How often it has opened. */
  get opens(): number {
    return this.#opens;
  }

  /** Milliseconds until trial calls are let through; only while open. */
  get retryAfterMs(): number | undefined {
    return this.#state.kind === 'open' ? Math.max(0, this.#state.until - this.#clock.now()) : undefined;
  }

  /** Why a call would be refused now; asks without taking a place. */
  rejection():
    { readonly reason: 'open' | 'isolated'; readonly retryAfterMs: number | undefined } | undefined {
    if (this.#state.kind === 'isolated') return { reason: 'isolated', retryAfterMs: undefined };
    const { retryAfterMs } = this;
    return retryAfterMs === undefined || retryAfterMs === 0 ? undefined : { reason: 'open', retryAfterMs };
  }

  /** Asks to run one call now. */
  admit(): Admission {
    if (this.#state.kind === 'open' && this.#clock.now() >= this.#state.until) {
      this.#move({ kind: 'halfOpen', trips: this.#state.trips, running: 0, successes: 0 });
    }
    const state = this.#state;
    switch (state.kind) {
      case 'closed':
        return { kind: 'go', ticket: this.#ticket(state) };
      case 'halfOpen':
        if (state.running + state.successes >= this.#options.successThreshold) return { kind: 'wait' };
        state.running += 1;
        return { kind: 'go', ticket: this.#ticket(state) };
      case 'open':
        return { kind: 'rejected', reason: 'open', retryAfterMs: this.retryAfterMs };
      case 'isolated':
        return { kind: 'rejected', reason: 'isolated', retryAfterMs: undefined };
      default:
        return assertNever(state);
    }
  }

  /** There is evidence that the server is well again (a fresh process is ready): trials are let through at once. */
  noteEvidenceOfRecovery(): void {
    if (this.#state.kind !== 'open') return;
    this.#move({ kind: 'halfOpen', trips: this.#state.trips, running: 0, successes: 0 });
  }

  /** Force recovery: closed, with nothing remembered. An isolated breaker stays isolated. */
  reset(): void {
    if (this.#state.kind === 'open' || this.#state.kind === 'halfOpen') this.#close();
    else {
      this.#rule.reset();
      // Nor does what was admitted before count any more.
      if (this.#state.kind === 'closed') this.#state = { kind: 'closed' };
    }
  }

  /** Held open by hand until every holder has disposed its handle. */
  isolate(): Disposable {
    const holders = this.#state.kind === 'isolated' ? this.#state.holders + 1 : 1;
    this.#move({ kind: 'isolated', holders });
    return toDisposable(() => {
      if (this.#state.kind !== 'isolated') return;
      if (this.#state.holders > 1) this.#move({ kind: 'isolated', holders: this.#state.holders - 1 });
      else this.#close();
    });
  }

  #ticket(issuedIn: State): Ticket {
    let settled = false;
    const settle = (apply: () => void): void => {
      if (settled) return;
      settled = true;
      // A result that belongs to an earlier state says nothing about this one.
      if (this.#state === issuedIn) apply();
    };
    return {
      success: () => settle(() => this.#onSuccess()),
      failure: () => settle(() => this.#onFailure()),
      neutral: () => settle(() => this.#onNeutral()),
    };
  }

  #onSuccess(): void {
    const state = this.#state;
    if (state.kind === 'closed') this.#rule.success();
    if (state.kind !== 'halfOpen') return;
    state.running -= 1;
    state.successes += 1;
    if (state.successes < this.#options.successThreshold) {
      this.#changed.fire(state.kind);
      return;
    }
    this.#close();
  }

  #onFailure(): void {
    const state = this.#state;
    if (state.kind === 'halfOpen') this.#open(state.trips + 1);
    else if (state.kind === 'closed' && this.#rule.failure()) this.#open(1);
  }

  #onNeutral(): void {
    if (this.#state.kind !== 'halfOpen') return;
    this.#state.running -= 1;
    this.#changed.fire('halfOpen');
  }

  #open(trips: number): void {
    const openMs = Math.min(MAX_OPEN_MS, this.#options.recoveryTimeoutMs * 2 ** Math.min(trips - 1, 20));
    this.#opens += 1;
    this.#move({ kind: 'open', until: this.#clock.now() + openMs, trips });
  }

  /** Closed, with nothing remembered. */
  #close(): void {
    this.#rule.reset();
    this.#move({ kind: 'closed' });
  }

  #move(next: State): void {
    checkBreakerMove(this.#state.kind, next.kind);
    this.#state = next;
    this.#changed.fire(next.kind);
  }
}
