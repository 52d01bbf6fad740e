import { sleep, type Clock } from '../../shared/base/clock.ts';
import type { Random } from '../../shared/base/random.ts';
import { Fault, type FaultCode } from '../../shared/model/fault.ts';
import { backoffDelayMs, type BackoffOptions } from '../policies/backoff/backoff.ts';
import type { RetryBudget } from '../policies/retryBudget/retryBudget.ts';
import type { Call, Outcome } from './call.ts';
import type { Next, Stage } from './pipeline.ts';

export interface RetryStageOptions {
  readonly maxRetries: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly backoff: BackoffOptions;
  /** The server's, shared by all its sessions. */
  readonly budget: RetryBudget;
  /** `retry`: 1 for the first; `pauseMs`: what it waits by itself. */
  readonly onRetry: (
    call: Call,
    fault: Fault,
    next: { readonly retry: number; readonly pauseMs: number },
  ) => void;
  /** It might have been tried again, but its server fails too much. */
  readonly onRefused: (call: Call, fault: Fault) => void;
}

/** Whether a call may be tried again after this outcome. */
export function mayRetry(call: Call, outcome: Outcome): boolean {
  if (outcome.kind === 'answer' || call.controller.signal.aborted) return false;
  if (!outcome.fault.traits.retryable) return false;
  // From `queued` nothing has reached the server (or that is proved), so even an at-most-once call can go again.
  return call.delivery === 'queued' || call.retryClass !== 'atMostOnce';
}

/**
 * How long the next attempt waits by itself. Mostly not at all: it waits for the connection, and when that is tried again is decided by the
 * recovery queue alone (design §4). But where the connection stays, as over HTTP, nothing else spaces the attempts.
 */
function pauseMs(fault: Fault, retry: number, options: RetryStageOptions): number {
  if (fault.traits.pausesBeforeRetry !== true) return 0;
  // A kept-alive connection that was closed just now is no sign of trouble.
  const failures = fault.code === 'connectionReset' ? retry + 1 : retry + 2;
  return Math.max(backoffDelayMs(failures, options.backoff, options.random), fault.retryAfterMs ?? 0);
}

/** A refusal after a failure tells of that failure. */
function because(before: Fault, outcome: Outcome): Outcome {
  if (outcome.kind === 'answer' || outcome.fault.diagnosis !== undefined) return outcome;
  return { kind: 'fault', fault: outcome.fault.because(before.message) };
}

/** Answers of a server that is there; with them a call has reached it, even where it is proved that nothing was run. */
const refusals: ReadonlySet<FaultCode> = new Set([
  'rateLimited',
  'unavailable',
  'sessionLost',
  'sessionNotReady',
]);
const lostWays: ReadonlySet<FaultCode> = new Set([
  'exited',
  'brokenPipe',
  'outOfMemory',
  'connectionReset',
  'sessionLost',
]);

/** What a retry costs: nothing when the server has seen nothing of the call, so that it only waits on. */
function costOf(call: Call, { code }: Fault): 'nothing' | 'lostWay' | 'refusal' {
  if (call.delivery === 'queued' && !refusals.has(code)) return 'nothing';
  return lostWays.has(code) || call.launch?.hasEnded === true ? 'lostWay' : 'refusal';
}

/**
 * Tries again what may be tried again, as far as the server's budget goes. What would only start after the deadline is not waited for.
 */
export function retryStage(options: RetryStageOptions): Stage {
  const { budget } = options;
  return async (call, next) => {
    budget.enter();
    try {
      const outcome = await withRetries(call, next, options);
      if (outcome.kind === 'answer') budget.noteSuccess();
      return outcome;
    } finally {
      budget.leave();
    }
  };
}

async function withRetries(call: Call, next: Next, options: RetryStageOptions): Promise<Outcome> {
  const { budget, maxRetries } = options;
  let { known } = budget;
  let outcome = await next(call);
  for (let retry = 0; mayRetry(call, outcome); retry += 1) {
    if (outcome.kind === 'answer') return outcome;
    const { fault } = outcome;
    const cost = costOf(call, fault);
    if (cost !== 'nothing') budget.noteFailure(known);
    if (retry >= maxRetries) return outcome;
    const delayMs = pauseMs(fault, retry, options);
    if (delayMs > 0 && delayMs >= call.deadline.remainingMs) return outcome;
    // What was lost with its process or session for the first time goes again whatever the budget says: the next connection is waited for anyway, and
    // the breaker bounds a server that dies of its calls. One that is lost time and again may be what kills it.
    const isFree = cost === 'nothing' || (cost === 'lostWay' && retry === 0);
    const place = isFree ? undefined : budget.take(cost === 'lostWay');
    if (place === undefined && !isFree) {
      options.onRefused(call, fault);
      return outcome;
    }
    options.onRetry(call, fault, { retry: retry + 1, pauseMs: delayMs });
    call.delivery = 'queued';
    try {
      if (delayMs > 0) await sleep(options.clock, delayMs, call.controller.signal);
      ({ known } = budget);
      outcome = because(fault, await next(call));
    } catch (error) {
      // Cancelled, or past its deadline, during the pause.
      if (Fault.is(error)) return { kind: 'fault', fault: error };
      throw error;
    } finally {
      place?.release();
    }
  }
  return outcome;
}
