import { Fault, type FaultCode } from '../../shared/model/fault.ts';
import type { LoadSignal } from '../policies/pool/adaptiveLimit.ts';
import { Places, type Lease, type SessionPlaces } from '../policies/pool/places.ts';
import type { Call, Outcome } from './call.ts';
import { inTurn, letsGo, type Turnstile, type Way } from './inTurn.ts';
import type { Next, Stage } from './pipeline.ts';

export interface PoolStageOptions extends Way {
  readonly places: SessionPlaces;
  /** What a call takes as a rule, milliseconds; for the advice when to come back. */
  readonly typicalMs: () => number | undefined;
  /** The server refused for its load. */
  readonly onOverload?: (outcome: Outcome) => void;
}

/** The work of a server. A list never waits behind it: VS Code holds every result back while one is open. */
const work: ReadonlySet<string> = new Set([
  'tools/call',
  'resources/read',
  'prompts/get',
  'completion/complete',
  'tasks/result',
]);
/** Whether a call is work that takes a place at its server. */
export function takesPlace({ method }: Pick<Call, 'method'>): boolean {
  return work.has(method);
}
const overloads: ReadonlySet<FaultCode> = new Set(['rateLimited', 'unavailable']);
const losses: ReadonlySet<FaultCode> = new Set(['exited', 'brokenPipe', 'connectionReset', 'outOfMemory']);
/** The codes that JSON-RPC leaves to servers, and words that some of them mean by it. */
const BUSY = /"code"\s*:\s*-320\d\d\b/;
const BUSY_WORDS =
  /\b(?:busy|overload(?:ed)?|too many|rate.?limit(?:ed)?|at capacity|try again later|temporarily)\b/i;
const MAX_SCANNED_BYTES = 4_096;
const MIN_RETRY_AFTER_MS = 1_000;
const MAX_RETRY_AFTER_MS = 60_000;
const decoder = new TextDecoder();

/**
 * Lets no more calls at a server than it has places for, all its sessions together; the others wait in a fair line, up to their deadline.
 * A place belongs to one attempt, from when the connection is there until its end: who waits for a restart, sleeps before a retry, or would
 * be refused by the breaker, takes none (decision 21).
 */
export function poolStage(options: PoolStageOptions): Stage {
  const { places } = options;
  const turnstile: Turnstile<Lease> = {
    take: () => places.take(),
    wait: (call, granted) => places.wait(call.seq, granted) ?? overloadedFault(options, call),
    giveBack: (lease) => lease.release('nothing'),
    pass: (lease, call, next) => withPlace(options, lease, call, next),
  };
  return (call, next) => {
    if (!takesPlace(call)) return next(call);
    if (letsGo(options)) {
      const lease = places.take();
      if (lease !== undefined) return withPlace(options, lease, call, next);
    }
    return inTurn(options, turnstile, call, next);
  };
}

async function withPlace(options: PoolStageOptions, lease: Lease, call: Call, next: Next): Promise<Outcome> {
  try {
    const outcome = await next(call);
    const signal = loadSignalOf(outcome);
    lease.release(signal);
    if (signal === 'overload') options.onOverload?.(outcome);
    return outcome;
  } finally {
    lease.release('nothing');
  }
}

function overloadedFault({ typicalMs }: PoolStageOptions, { server, attempts }: Call): Fault {
  // All who wait before it take their turns, several at once; nobody knows it better than the last calls.
  const waitMs = (typicalMs() ?? 0) * (Places.maxQueued / 10);
  const retryAfterMs = Math.min(MAX_RETRY_AFTER_MS, Math.max(MIN_RETRY_AFTER_MS, waitMs));
  // An attempt before this one may have done its work.
  const what =
    attempts === 0
      ? 'this one was not carried out'
      : 'this one, which it had before and may have carried out, is not tried again';
  const text =
    `The MCP server "${server}" is busy with other calls and ${Places.maxQueued} more of this client wait for it, so ${what}. ` +
    `Try again in ${Math.ceil(retryAfterMs / 1_000)} s, with fewer calls at once.`;
  return new Fault('overloaded', text, { server, retryAfterMs });
}

/** What an outcome says about the server's load. */
export function loadSignalOf(outcome: Outcome): LoadSignal {
  if (outcome.kind === 'answer') return outcome.isError && saysBusy(outcome.line) ? 'overload' : 'answered';
  const { code } = outcome.fault;
  if (overloads.has(code)) return 'overload';
  if (losses.has(code)) return 'lost';
  // One slow call says nothing; that others were there at the time is known where it is counted.
  return code === 'requestTimeout' ? 'late' : 'nothing';
}

function saysBusy(line: Uint8Array): boolean {
  if (line.length > MAX_SCANNED_BYTES) return false;
  const text = decoder.decode(line);
  return BUSY.test(text) && BUSY_WORDS.test(text);
}
