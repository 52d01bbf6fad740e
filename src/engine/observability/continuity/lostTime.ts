import type { FaultCode } from '../../../shared/model/fault.ts';
import type { CallOutcome, ObservedCall } from '../observations.ts';

/** Refusals for what a person has decided: the server was not meant to be used. */
const byHand: ReadonlySet<CallOutcome> = new Set<FaultCode>(['isolated', 'stopped']);
/** The call has its answer, or its client did not want it any more, or load and not a failure is what refused it. */
const noFailures: ReadonlySet<CallOutcome> = new Set<CallOutcome>(['ok', 'error', 'cancelled', 'overloaded']);
/** Work that a client waits for. Lists, pings and the like are what a session needs besides, and are answered from memory. */
const work: ReadonlySet<string> = new Set([
  'tools/call',
  'resources/read',
  'prompts/get',
  'completion/complete',
  'tasks/result',
]);

type TimedCall = Pick<ObservedCall, 'method' | 'startedAt' | 'waitedMs' | 'sentAt' | 'coldMs' | 'isHeldUp'>;

/**
 * Milliseconds that failures cost a call that has ended at `now` (Δ of requirements R11.6; docs/continuity.md); `undefined` where it does not count as a call.
 * An answered one lost what passed until the attempt that was answered, beside waiting for a place or for a first start; one that failed lost all its time.
 */
export function lostMs(call: TimedCall, outcome: CallOutcome, now: number): number | undefined {
  if (!work.has(call.method) || byHand.has(outcome)) return undefined;
  const { startedAt, waitedMs, sentAt = now, coldMs = 0, isHeldUp = false } = call;
  if (outcome === 'stale' || outcome === 'remembered')
    return Math.max(0, now - startedAt - waitedMs - coldMs);
  if (!noFailures.has(outcome)) return Math.max(0, now - startedAt - waitedMs);
  return isHeldUp ? Math.max(0, sentAt - startedAt - waitedMs - coldMs) : 0;
}
