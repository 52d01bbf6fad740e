import type { CancelSignal } from '../../shared/base/clock.ts';
import { Fault, type FaultCode } from '../../shared/model/fault.ts';
import type { Breaker, Ticket } from '../policies/breaker/breaker.ts';
import type { ServerLink } from '../upstream/serverLink.ts';
import type { Call, Outcome } from './call.ts';
import type { Stage } from './pipeline.ts';

const MAX_REASON = 1_000;
/** What befalls all requests under way at once, where they are independent. */
const outages: ReadonlySet<FaultCode> = new Set(['connectionReset', 'unavailable']);

/**
 * Who waits and who fails (design §4): while the breaker is open a call fails at once; while the connection is
 * coming up it waits, in order, up to its deadline; then it takes a ticket of the breaker and runs.
 */
export function guardStage(
  connection: Pick<ServerLink, 'whenUsable'>,
  breaker: Breaker,
  lastFailure: () => Fault | undefined,
): Stage {
  return async (call, next) => {
    const refused = (refusal: Refusal): Fault => breakerFault(call, refusal, lastFailure());
    let ticket: Ticket | undefined;
    try {
      const rejection = breaker.rejection();
      if (rejection !== undefined) throw refused(rejection);
      ticket = await admitted(connection, breaker, call, refused);
      const knownOutages = call.launch?.outages.known ?? 0;
      const admittedAtMs = call.deadline.elapsedMs;
      const outcome = await next(call);
      if (isLateByWaiting(call, outcome, admittedAtMs)) ticket.neutral();
      else settle(ticket, call, outcome, knownOutages);
      return outcome;
    } catch (error) {
      if (Fault.is(error)) return { kind: 'fault', fault: error };
      throw error;
    } finally {
      // Whatever went wrong, a trial that is over must not keep the others waiting; counts only if nothing was said.
      ticket?.neutral();
    }
  };
}

interface Refusal {
  readonly reason: 'open' | 'isolated';
  readonly retryAfterMs?: number | undefined;
}

function breakerFault(call: Call, { reason, retryAfterMs }: Refusal, last: Fault | undefined): Fault {
  if (reason === 'isolated') {
    return new Fault(
      'isolated',
      `The MCP server "${call.server}" is isolated by hand; the call was not carried out. Rejoin it to use it again.`,
      {
        server: call.server,
      },
    );
  }
  const seconds = Math.ceil((retryAfterMs ?? 0) / 1_000);
  const failure = last === undefined ? undefined : failureOf(last);
  const text =
    `The MCP server "${call.server}" failed repeatedly, so calls to it are held back; it is tried again in ${seconds} s. ` +
    `The call was not carried out.${failure === undefined ? '' : ` ${failure}`} "MCP Lifeline: Force Recovery" tries at once.`;
  return new Fault('circuitOpen', text, {
    server: call.server,
    ...(failure === undefined ? {} : { diagnosis: failure }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/** What befell another call, without what that one was told of itself: whether it was carried out says nothing of this one. */
function failureOf(last: Fault): string {
  const what = Fault.is(last.cause) ? (last.diagnosis ?? last.message) : last.message;
  return `The last failure, of another call: ${what.slice(0, MAX_REASON)}`;
}

/** A connection first, then a ticket: a trial through a dead pipe would say nothing of the server that comes next. */
async function admitted(
  connection: Pick<ServerLink, 'whenUsable'>,
  breaker: Breaker,
  call: Call,
  refused: (refusal: Refusal) => Fault,
): Promise<Ticket> {
  for (;;) {
    // Again after each wait: what was usable before it may be gone.
    call.launch = await connection.whenUsable(call);
    const admission = breaker.admit();
    if (admission.kind === 'go') return admission.ticket;
    if (admission.kind === 'rejected') throw refused(admission);
    await nextChange(breaker, call.controller.signal);
  }
}

/** Waits until the breaker changes or a trial's place is free; rejects with the call's fault when it is aborted. */
function nextChange(breaker: Breaker, signal: CancelSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      subscription.dispose();
      reject(signal.reason);
    };
    const subscription = breaker.onDidChange(() => {
      subscription.dispose();
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}

function settle(ticket: Ticket, call: Call, outcome: Outcome, knownOutages: number): void {
  // An error that the server answers with — JSON-RPC error or `isError` — shows that it works.
  if (outcome.kind === 'answer') ticket.success();
  else if (!outcome.fault.traits.countsAgainstBreaker) ticket.neutral();
  // A lost process is one failure, however many calls it took with it; the same when the first of them saw only its connection cut.
  else if (isLossOfAll(call, outcome.fault)) {
    const isFirst = call.launch?.outages.known === knownOutages && call.launch.countLoss();
    if (isFirst) ticket.failure();
    else ticket.neutral();
  }
  // Nor is a server that restarts behind its address as many failures as calls were on their way to it.
  else if (outages.has(outcome.fault.code) && call.launch?.outages.count(knownOutages) !== true)
    ticket.neutral();
  else ticket.failure();
}

/** It had waited behind other calls for longer than the server then had for it: that its time is over says nothing of the server. */
function isLateByWaiting(call: Call, outcome: Outcome, admittedAtMs: number): boolean {
  if (outcome.kind === 'answer' || outcome.fault.code !== 'requestTimeout') return false;
  return call.deadline.elapsedMs - admittedAtMs < call.waitedMs;
}

function isLossOfAll(call: Call, fault: Fault): boolean {
  return fault.traits.endsLaunch === true || call.launch?.hasEnded === true;
}
