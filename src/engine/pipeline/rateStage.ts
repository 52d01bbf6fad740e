import type { Clock } from '../../shared/base/clock.ts';
import { Fault } from '../../shared/model/fault.ts';
import type { RequestClass } from '../policies/rateLimit/classQueue.ts';
import type { RateLimiter, Grant, RateSignal } from '../policies/rateLimit/rateLimiter.ts';
import type { Call, Outcome } from './call.ts';
import { inTurn, letsGo, type Turnstile, type Way } from './inTurn.ts';
import type { Next, Stage } from './pipeline.ts';
import { loadSignalOf, takesPlace } from './poolStage.ts';

export interface RateStageOptions extends Way {
  readonly limiter: RateLimiter;
  readonly clock: Clock;
  /** Calls at the server now. */
  readonly occupied: () => number;
}

const MAX_RETRY_AFTER_MS = 60_000;
const MAX_REASON = 1_000;

/**
 * Spaces the attempts at a server that has shown how many it bears, or was given a maximum; costs a comparison while there is neither. A token belongs to
 * one attempt that can be written: who waits for a restart or would be refused by the breaker takes none, and nobody holds a place of the pool while waiting
 * for one (decision 40).
 */
export function rateStage(options: RateStageOptions): Stage {
  const { limiter } = options;
  const turnstile: Turnstile<Grant> = {
    take: (call) => limiter.take(classOf(call)),
    wait: (call, granted, refused) => {
      const requestClass = classOf(call);
      const { session: client, seq: order, deadline } = call;
      const waitMs = limiter.waitMs(requestClass, client);
      if (waitMs >= deadline.remainingMs) return tooLate(limiter, call, waitMs);
      return limiter.wait({
        requestClass,
        client,
        order,
        remainingMs: () => deadline.remainingMs,
        granted,
        refused: (ms) => refused(tooLate(limiter, call, ms)),
      });
    },
    giveBack: (grant) => grant.giveBack(),
    pass: (grant, call, next) => withGrant(options, grant, call, next),
  };
  return (call, next) => {
    if (!limiter.isActive) return next(call);
    // A client that gets no answer to its ping goes away.
    if (call.method === 'ping') {
      limiter.force();
      return next(call);
    }
    if (letsGo(options)) {
      const grant = limiter.take(classOf(call));
      if (grant !== undefined) return withGrant(options, grant, call, next);
    }
    return inTurn(options, turnstile, call, next);
  };
}

/** Somebody waits for the work of a server; lists, subscriptions and the like are what a session needs besides. */
function classOf(call: Call): RequestClass {
  return takesPlace(call) ? 'critical' : 'high';
}

async function withGrant(
  { limiter, clock, occupied }: RateStageOptions,
  grant: Grant,
  call: Call,
  next: Next,
): Promise<Outcome> {
  const grantedAt = clock.now();
  const { waitedMs } = call;
  try {
    const outcome = await next(call);
    const signal = rateSignalOf(outcome);
    if (signal === 'refused') noteOverload(limiter, outcome);
    // What it waited for a place is not the server's slowness.
    const tookMs = clock.now() - grantedAt - (call.waitedMs - waitedMs);
    grant.end(signal, { kind: call.tool ?? call.method, tookMs, inFlight: occupied() + 1 });
    return outcome;
  } finally {
    grant.end('nothing');
  }
}

/** What an outcome says about the rate. */
function rateSignalOf(outcome: Outcome): RateSignal {
  switch (loadSignalOf(outcome)) {
    case 'answered':
      return 'answered';
    case 'overload':
      return showsLimit(outcome) ? 'refused' : 'failed';
    case 'late':
    case 'lost':
      return 'failed';
    case 'nothing':
      return outcome.kind === 'fault' && outcome.fault.code === 'serverError' ? 'failed' : 'nothing';
  }
}

/** It asks for fewer calls. 502, 503 and 504 without a time to come back may mean anything. */
function showsLimit(outcome: Outcome): boolean {
  if (outcome.kind === 'answer') return true;
  return outcome.fault.code === 'rateLimited' || outcome.fault.retryAfterMs !== undefined;
}

/** The server refused for its load: the limiter begins, and holds the others back where it was told for how long. */
export function noteOverload(limiter: RateLimiter, outcome: Outcome): void {
  if (!showsLimit(outcome)) return;
  const fault = outcome.kind === 'fault' ? outcome.fault : undefined;
  limiter.noteRefusal(fault?.retryAfterMs, fault?.message);
}

function tooLate(limiter: RateLimiter, { server, attempts }: Call, waitMs: number): Fault {
  limiter.noteRejected();
  const retryAfterMs = Math.max(1_000, Math.min(MAX_RETRY_AFTER_MS, waitMs));
  const perSecond = Math.max(1, Math.round(limiter.state?.rate ?? 0));
  // An attempt before this one may have done its work.
  const what =
    attempts === 0
      ? 'it was not carried out'
      : 'it is not tried again; it had been handed over before and may have been carried out';
  const text =
    `The MCP server "${server}" takes no more than about ${perSecond} ${perSecond === 1 ? 'call' : 'calls'} a second now, and this one could not have begun in time, so ${what}. ` +
    (limiter.lastRefusal === undefined
      ? ''
      : `Its last refusal: ${limiter.lastRefusal.slice(0, MAX_REASON)} `) +
    `Try again in ${Math.ceil(retryAfterMs / 1_000)} s, with fewer calls at once.`;
  return new Fault('overloaded', text, { server, retryAfterMs });
}
