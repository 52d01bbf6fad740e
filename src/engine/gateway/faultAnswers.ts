import { Fault, type FaultCode } from '../../shared/model/fault.ts';
import { layerAnswer } from '../../shared/protocol/answers.ts';
import type { Call } from '../pipeline/call.ts';

/** Refusals say "not carried out", which holds only for a call that was never handed over. */
const refusedLater: ReadonlySet<FaultCode> = new Set(['circuitOpen', 'crashLoop', 'isolated', 'stopped']);

/** What a server, or the way to it, said of one call before anything was done. */
const turnedAway: ReadonlySet<FaultCode> = new Set([
  'connectionRefused',
  'connectTimeout',
  'rateLimited',
  'sessionLost',
  'sessionNotReady',
  'httpError',
  'authRequired',
  'forbidden',
  'inputNeeded',
]);

const describe = (call: Pick<Call, 'tool' | 'method'>): string =>
  call.tool === undefined ? `the request "${call.method}"` : `the tool "${call.tool}"`;

const times = (count: number): string => (count === 1 ? 'once' : `${count} times`);
const again = (inMs: number | undefined): string =>
  inMs === undefined
    ? ''
    : ` in ${Math.ceil(inMs / 1_000)} s, or at once after "MCP Lifeline: Force Recovery"`;
const capitalized = (text: string): string => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;

/**
 * The fault a client is told. A call that has been written and may not be repeated has an unknown outcome, whatever
 * ended it (requirements R2.4). Its diagnosis is what befell the server, without what that means for this call: it is quoted to others.
 */
export function toldFault(call: Call, fault: Fault): Fault {
  const written = call.delivery === 'written' || call.delivery === 'responding';
  if (call.retryClass === 'atMostOnce' && written && fault.code !== 'cancelled') {
    const text =
      `${fault.message} Whether ${describe(call)} was carried out is unknown: it had been handed to the server (call ${call.callId}). ` +
      'Verify its effect before retrying.';
    return new Fault('outcomeUnknown', text, { server: call.server, cause: fault, diagnosis: fault.message });
  }
  if (call.attempts > 0 && refusedLater.has(fault.code)) {
    const text =
      `${fault.server === undefined ? 'The server' : `The MCP server "${fault.server}"`} lost ${describe(call)} after it had been handed over ` +
      `${times(call.attempts)}, and is not tried again now. ${fault.diagnosis === undefined ? '' : `${fault.diagnosis} `}` +
      `The call may have been carried out; it can be repeated${again(fault.retryAfterMs)}.`;
    const retryAfterMs = fault.retryAfterMs === undefined ? {} : { retryAfterMs: fault.retryAfterMs };
    return new Fault(fault.code, text, { server: call.server, cause: fault, ...retryAfterMs });
  }
  if (call.attempts === 0 && call.delivery === 'queued' && turnedAway.has(fault.code)) {
    const retryAfterMs = fault.retryAfterMs === undefined ? {} : { retryAfterMs: fault.retryAfterMs };
    const text = `${fault.message} ${capitalized(describe(call))} was not carried out.`;
    const diagnosis = fault.message;
    return new Fault(fault.code, text, { server: call.server, cause: fault, diagnosis, ...retryAfterMs });
  }
  if (fault.traits.endsLaunch === true) {
    const text = `${fault.message} ${capitalized(describe(call))} was tried ${times(call.attempts)} and can be repeated.`;
    return new Fault(fault.code, text, { server: call.server, cause: fault, diagnosis: fault.message });
  }
  return fault;
}

export function timeoutFault(call: Call, seconds: number, stateSentence: string): Fault {
  const { server } = call;
  const text = call.waitsForPlace
    ? `The MCP server "${server}" was busy with other calls for ${seconds} s, so ${describe(call)} was not ${call.attempts === 0 ? 'carried out' : 'tried again; it had been handed over before and may have been carried out'}.`
    : call.delivery === 'queued' && call.attempts === 0
      ? `The MCP server "${server}" did not become ready within ${seconds} s, so ${describe(call)} was not carried out. ${stateSentence}`
      : `The MCP server "${server}" did not answer ${describe(call)} within ${seconds} s.${waitOf(call)}${oddityOf(call)}`;
  return new Fault('requestTimeout', text, { server });
}

/** Time that went into the line of calls before it, where that is worth a word. */
function waitOf({ waitedMs }: Call): string {
  return waitedMs < 1_000
    ? ''
    : ` For ${Math.round(waitedMs / 1_000)} s of them it waited behind other calls.`;
}

/** What else the server said while the call waited may be why it got no answer. */
function oddityOf({ launch, startedAt }: Call): string {
  const oddity = launch?.oddity;
  return oddity === undefined || oddity.at < startedAt ? '' : ` Meanwhile it ${oddity.what}.`;
}

/** The outcome of a call that an engine before this one had written. */
export function interruptedFault(
  call: Pick<Call, 'server' | 'tool' | 'method' | 'callId'>,
  answered: boolean,
): Fault {
  const what = answered
    ? `${describe(call)} had been answered, but the answer was lost with the MCP Lifeline engine (call ${call.callId}).`
    : `The MCP Lifeline engine was restarted while ${describe(call)} of the server "${call.server}" was under way (call ${call.callId}); whether it was carried out is unknown.`;
  return new Fault('outcomeUnknown', `${what} Verify its effect before retrying.`, { server: call.server });
}

/** The answer to a call in JSON text: a result marked `isError` for a tool call, an error for the rest. */
export function faultAnswer(
  call: Pick<Call, 'method' | 'id' | 'tool' | 'server' | 'callId'>,
  fault: Fault,
): string {
  return layerAnswer(call.method, call.id, {
    text: fault.message,
    code: fault.code,
    server: call.server,
    tool: call.tool,
    callId: call.callId,
    retryAfterMs: fault.retryAfterMs === undefined ? undefined : Math.round(fault.retryAfterMs),
  });
}
