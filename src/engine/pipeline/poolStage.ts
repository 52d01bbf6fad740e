import type { Disposable } from '../../shared/base/disposable.ts';
import { Fault, type FaultCode } from '../../shared/model/fault.ts';
import type { Breaker } from '../policies/breaker/breaker.ts';
import type { LoadSignal } from '../policies/pool/adaptiveLimit.ts';
import { Places, type Lease, type SessionPlaces } from '../policies/pool/places.ts';
import type { ServerLink } from '../upstream/serverLink.ts';
import type { Call, Outcome } from './call.ts';
import type { Next, Stage } from './pipeline.ts';

export interface PoolStageOptions {
  readonly places: SessionPlaces;
  readonly connection: Pick<ServerLink, 'usableLaunch' | 'whenUsable' | 'onDidChange'>;
  readonly breaker: Pick<Breaker, 'rejection' | 'onDidChange'>;
  /** What a call takes as a rule, milliseconds; for the advice when to come back. */
  readonly typicalMs: () => number | undefined;
}

/** The work of a server. A list never waits behind it: VS Code holds every result back while one is open. */
const work: ReadonlySet<string> = new Set([
  'tools/call',
  'resources/read',
  'prompts/get',
  'completion/complete',
  'tasks/result',
]);
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
  return (call, next) => {
    if (!work.has(call.method)) return next(call);
    if (letsGo(options)) {
      const lease = places.take();
      if (lease !== undefined) return withPlace(lease, call, next);
    }
    return inTurn(options, call, next);
  };
}

/** There is a server to write to, and the breaker allows it. */
function letsGo({ connection, breaker }: PoolStageOptions): boolean {
  return connection.usableLaunch !== undefined && breaker.rejection() === undefined;
}

async function withPlace(lease: Lease, call: Call, next: Next): Promise<Outcome> {
  try {
    const outcome = await next(call);
    lease.release(loadSignalOf(outcome));
    return outcome;
  } finally {
    lease.release('nothing');
  }
}

async function inTurn(options: PoolStageOptions, call: Call, next: Next): Promise<Outcome> {
  const { places, connection, breaker } = options;
  try {
    for (;;) {
      // The breaker's refusal has its own words.
      if (breaker.rejection() !== undefined) return await next(call);
      // In order of arrival, and without a place: a restart may take long, and other sessions' servers are well.
      if (connection.usableLaunch === undefined) await connection.whenUsable(call);
      else {
        const lease = places.take() ?? (await turn(options, call));
        if (lease === undefined) continue;
        // What was waited for may be gone again by the time it is this call's turn.
        if (letsGo(options)) return await withPlace(lease, call, next);
        lease.release('nothing');
      }
    }
  } catch (error) {
    if (Fault.is(error)) return { kind: 'fault', fault: error };
    throw error;
  }
}

/**
 * Waits for a place. Resolves without one when there is nothing to wait for any more: the connection is gone, or the breaker refuses.
 * Rejects with the call's own fault when it is aborted, or at once when too many wait already.
 */
function turn(options: PoolStageOptions, call: Call): Promise<Lease | undefined> {
  const { places, connection, breaker } = options;
  const { signal } = call.controller;
  if (signal.aborted) return Promise.reject(signal.reason as Fault);
  return new Promise((resolve, reject) => {
    let subscriptions: readonly Disposable[] = [];
    const since = call.deadline.elapsedMs;
    const leave = (): void => {
      for (const subscription of subscriptions) subscription.dispose();
      signal.removeEventListener('abort', onAbort);
      call.waitedMs += call.deadline.elapsedMs - since;
    };
    const onAbort = (): void => {
      waiting?.leave();
      leave(); // it stays known what it waited for
      reject(signal.reason as Fault);
    };
    const lookAgain = (): void => {
      if (letsGo(options)) return;
      waiting?.leave();
      leave();
      call.waitsForPlace = false;
      resolve(undefined);
    };
    const waiting = places.wait(call.seq, (lease) => {
      leave();
      call.waitsForPlace = false;
      resolve(lease);
    });
    if (waiting === undefined) {
      reject(overloadedFault(options, call));
      return;
    }
    subscriptions = [connection.onDidChange(lookAgain), breaker.onDidChange(lookAgain)];
    signal.addEventListener('abort', onAbort, { once: true });
    call.waitsForPlace = true;
  });
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
