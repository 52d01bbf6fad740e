import { sleep, type Clock } from '../../shared/base/clock.ts';
import type { Random } from '../../shared/base/random.ts';
import { Fault } from '../../shared/model/fault.ts';
import { backoffDelayMs, type BackoffOptions } from '../policies/backoff/backoff.ts';
import type { Call, Outcome } from './call.ts';
import type { Stage } from './pipeline.ts';

export interface RetryStageOptions {
  readonly maxRetries: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly backoff: BackoffOptions;
  readonly onRetry: (call: Call, outcome: Outcome) => void;
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

/** Tries again what may be tried again. What would only start after the deadline is not waited for. */
export function retryStage(options: RetryStageOptions): Stage {
  return async (call, next) => {
    let outcome = await next(call);
    for (let retry = 0; retry < options.maxRetries && mayRetry(call, outcome); retry += 1) {
      if (outcome.kind === 'answer') return outcome;
      const { fault } = outcome;
      const delayMs = pauseMs(outcome.fault, retry, options);
      if (delayMs > 0 && delayMs >= call.deadline.remainingMs) return outcome;
      options.onRetry(call, outcome);
      call.delivery = 'queued';
      try {
        if (delayMs > 0) await sleep(options.clock, delayMs, call.controller.signal);
      } catch (error) {
        // Cancelled, or past its deadline, during the pause.
        if (Fault.is(error)) return { kind: 'fault', fault: error };
        throw error;
      }
      outcome = because(fault, await next(call));
    }
    return outcome;
  };
}
