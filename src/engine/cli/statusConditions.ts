import { Fault } from '../../shared/model/fault.ts';
import type { LastError, ServerSnapshot, Snapshot } from '../../shared/model/snapshot.ts';
import { durationText } from './durationText.ts';
import { inTerminal } from './terminalWords.ts';
import type { StatusLine, StatusSection } from './statusSections.ts';

/** Why a server is down, what is missing, who waits, and which of its addresses is used; and what of the engine itself is not as it should be. */
export const conditionSection: StatusSection = { ofServer: serverLines, ofAll: engineLines };

function serverLines(server: ServerSnapshot, now: number): StatusLine[] {
  const { diagnosis, degraded, lastError, pool, rate, endpoint, breaker } = server;
  const lines: StatusLine[] = [];
  if (diagnosis !== undefined)
    lines.push({ text: `${diagnosis.sentence} ${diagnosis.advice}`.trim(), colour: 'red' });
  else if (lastError !== undefined && isOnItsMind(server))
    lines.push({ text: `${lastError.message} ${adviceOf(server.id, lastError)}`.trim(), colour: 'red' });
  if (breaker.state === 'open' && breaker.retryAt !== undefined)
    lines.push({
      text: `breaker open after ${breaker.failures} failures, trial calls in ${durationText(breaker.retryAt - now)}`,
    });
  if (degraded !== undefined) {
    const unsaid = degraded.missing.filter((name) => !degraded.sentence.includes(name));
    const missing = unsaid.length === 0 ? '' : ` Missing: ${unsaid.join(', ')}.`;
    lines.push({ text: degraded.sentence + missing, colour: 'yellow' });
  }
  if (pool.queued !== undefined && pool.queued > 0)
    lines.push({
      text: `calls that wait for a place: ${pool.queued}, running at a time: ${pool.limit ?? pool.max}`,
    });
  if (rate !== undefined) lines.push({ text: rateText(rate) });
  if (endpoint !== undefined) lines.push({ text: `address in use: ${endpoint}` });
  return lines;
}

/** The last error is why it is as it is. */
function isOnItsMind({ state, breaker, lastCallFailed }: ServerSnapshot): boolean {
  const isDown = ['suspect', 'broken', 'recovering', 'crashLoop', 'needsSignIn'].includes(state);
  return isDown || lastCallFailed === true || breaker.state === 'open' || breaker.state === 'halfOpen';
}

/** What a person can do about an error, unless its sentence says so itself. */
export function adviceOf(server: string, { code, message }: LastError): string {
  if (code === 'inputNeeded') return adviceOnInput(message);
  const advice = inTerminal(new Fault(code, '').traits.advice, server);
  return message.includes(advice) ? '' : advice;
}

/** The sentence says which variable of the environment it is, or that the editor is to ask; else neither is known here. */
function adviceOnInput(message: string): string {
  if (message.includes('MCP_LIFELINE_INPUT_') || message.includes('Enter Input Value')) return '';
  return 'Set its "MCP_LIFELINE_INPUT_…" anew in the environment of "mcp-lifeline serve" and start that again; in VS Code use "MCP Lifeline: Enter Input Value".';
}

function rateText({ current, queued, rejected }: NonNullable<ServerSnapshot['rate']>): string {
  const waiting = queued > 0 ? `, waiting: ${queued}` : '';
  const turnedAway = rejected > 0 ? `, turned away: ${rejected}` : '';
  return `requests per second at most: ${current}${waiting}${turnedAway}`;
}

function engineLines({ engine }: Snapshot): StatusLine[] {
  const lines: StatusLine[] = [];
  if (engine.audit?.degraded !== undefined) lines.push({ text: engine.audit.degraded, colour: 'yellow' });
  if (!engine.journalReliable)
    lines.push({
      text: 'The journal cannot be written: after a crash of the engine, calls that may not run twice are told as "outcome unknown".',
      colour: 'yellow',
    });
  return lines;
}
