import type { ServerSnapshot, Snapshot } from '../../../shared/model/snapshot.ts';
import { isUsable } from '../../../shared/model/connectionState.ts';
import { assertNever } from '../../../shared/base/assertNever.ts';
import type { FiringAlert } from './evaluator.ts';

/** What a sentence may quote. */
export interface AlertContext {
  readonly server: ServerSnapshot | undefined;
  readonly engine: Snapshot['engine'];
  /** Of a watched value, as its room has said it. */
  readonly watched: string | undefined;
}

const MAX_SENTENCE = 4_000;

/** What is the case, for people, without the server's name. Without times: a text with them goes stale. */
export function alertSentence(alert: FiringAlert, context: AlertContext): string {
  const sentence = sentenceOf(alert, context).slice(0, MAX_SENTENCE);
  return alert.isFlapping ? `It comes and goes (${alert.count} times by now). ${sentence}` : sentence;
}

function sentenceOf({ rule, value = 0 }: FiringAlert, { server, engine, watched }: AlertContext): string {
  const { threshold, windowMs = 0 } = rule;
  const within = inWords(windowMs);
  switch (rule.id) {
    case 'brokenPipes':
      return `In the last ${within} ${value} calls were cut off by a broken pipe; more than ${threshold} are too many. Its log tells why its process, or the connection, ends.`;
    case 'breakerOpen':
      return 'It failed repeatedly; calls are held back for now, and a few are let through later to see whether it works again.';
    case 'retryRate':
      return `Of the calls of the last ${within} ${Math.round(value)} % had to be sent more than once; more than ${threshold} % are too many.`;
    case 'crashLoop':
      return crashSentence(server);
    case 'needsSignIn':
      return server?.state === 'needsSignIn' ? server.sentence : 'It needs a sign-in.';
    case 'watchedValue':
      return watched ?? 'A watched value is beyond its threshold.';
    case 'continuity':
      return `The servers were usable for ${(value * 100).toFixed(1)} % of the time (Φ ${value.toFixed(3)}), less than the ${(threshold * 100).toFixed(0)} % aimed at.`;
    case 'auditTrail':
      return engine.audit?.degraded ?? 'The audit trail cannot be written.';
    case 'journal':
      return 'The journal of calls cannot be written. Calls go on; should the engine be killed, more of them than necessary are reported as "outcome unknown". Look for a full or read-only disk.';
    default:
      return assertNever(rule.id);
  }
}

function crashSentence(server: ServerSnapshot | undefined): string {
  if (server === undefined) return 'It keeps failing and is tried again at long intervals.';
  const { diagnosis, state } = server;
  // It goes on for a moment after the server has come back, whose own sentence is a calm one by then.
  if (isUsable(state)) return 'It kept failing until a moment ago.';
  if (diagnosis === undefined) return server.sentence;
  return `It keeps failing and is tried again at long intervals. ${diagnosis.sentence} ${diagnosis.advice}`.trim();
}

function inWords(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  if (seconds === 60) return 'minute';
  return seconds % 60 === 0 ? `${seconds / 60} minutes` : `${seconds} seconds`;
}
