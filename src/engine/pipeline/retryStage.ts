import type { Call, Outcome } from './call.ts';
import type { Stage } from './pipeline.ts';

export interface RetryStageOptions {
  readonly maxRetries: number;
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
 * Tries again what may be tried again. There is no wait of its own between attempts: the next one waits for the
 * connection, and when that is tried again is decided by the recovery queue alone (design §4).
 */
export function retryStage(options: RetryStageOptions): Stage {
  return async (call, next) => {
    let outcome = await next(call);
    for (let retry = 0; retry < options.maxRetries && mayRetry(call, outcome); retry += 1) {
      options.onRetry(call, outcome);
      call.delivery = 'queued';
      outcome = await next(call);
    }
    return outcome;
  };
}
