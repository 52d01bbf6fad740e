import type { FaultCode } from '../../../shared/model/fault.ts';
import type { CallOutcome, ObservedCall } from '../observations.ts';

/** A call that a server had for this long is long. */
export const LONG_CALL_MS = 10_000;
/** Of one server so many tools are known to be long ones; the one that was used longest ago is forgotten first. */
export const MAX_LONG_TOOLS = 256;

/** Neither completed nor lost: nobody wanted it any more, or it never got to the server. */
const uncounted: ReadonlySet<CallOutcome> = new Set<FaultCode>(['cancelled', 'isolated', 'stopped']);

/** How long servers had a call, all its attempts together, that ended at `now`. */
function atServerMs({ sentAt, ranMs = 0 }: ObservedCall, now: number): number {
  return ranMs + (sentAt === undefined ? 0 : now - sentAt);
}

function isLong(call: ObservedCall, now: number): boolean {
  const { isTask = false, hasAsked = false, highestProgress = -Infinity } = call;
  return isTask || hasAsked || highestProgress > -Infinity || atServerMs(call, now) >= LONG_CALL_MS;
}

/**
 * Tells long generative calls, and what became of them (Ψ of requirements R11.6; docs/continuity.md). One for each server. A call that was lost early cannot
 * show that it would have been a long one; it counts as one when the last completed call of the same tool was.
 */
export class LongCalls {
  readonly #longTools = new Set<string>();

  /** `undefined`: it does not count. */
  judge(call: ObservedCall, outcome: CallOutcome, now: number): 'completed' | 'lost' | undefined {
    const { method, tool } = call;
    const isWork = method === 'tools/call' || method === 'tasks/result';
    if (!isWork || uncounted.has(outcome)) return undefined;
    const name = tool ?? method;
    const long = isLong(call, now);
    if (outcome === 'ok' || outcome === 'error') {
      if (long) this.#remember(name);
      else this.#longTools.delete(name);
      return long ? 'completed' : undefined;
    }
    // What no server was given, as far as is known, was no long call yet.
    if (call.attempts === 0 && outcome !== 'outcomeUnknown') return undefined;
    return long || this.#longTools.has(name) ? 'lost' : undefined;
  }

  #remember(tool: string): void {
    this.#longTools.delete(tool);
    this.#longTools.add(tool);
    if (this.#longTools.size <= MAX_LONG_TOOLS) return;
    const [oldest = ''] = this.#longTools;
    this.#longTools.delete(oldest);
  }
}
