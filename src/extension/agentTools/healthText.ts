import { assertNever } from '../../shared/base/assertNever.ts';
import type { RecoverResult } from '../../shared/protocol/engineMessages.ts';
import { redactWellKnown } from '../../shared/redaction/wellKnown.ts';
import { causeSentence, degradedBeside, degradedSentence } from '../health/conditions.ts';
import { isWell, type HealthView, type ServerView } from '../health/healthView.ts';
import { breakerWords, callWords, engineWords, healthWords, stateSentence } from '../health/words.ts';
import { untranslated as t } from '../translate.ts';
import { duration } from '../figures.ts';

/** What a language model is told: English, plain text, short, and the same facts that people see. */

/** Of a sentence that quotes a server. */
const MAX_QUOTE = 400;
const MAX_PROBLEMS = 5;
const MAX_ALERTS = 5;

export interface HealthQuestion {
  /** One of them; all when absent. */
  readonly server?: string;
  /** Wall-clock milliseconds. */
  readonly now: number;
  /** The text is no longer than this, and says what it leaves out. */
  readonly maxLength: number;
}

/** How the servers are, those with trouble first. */
export function healthText(view: HealthView, question: HealthQuestion): string {
  const { server, now, maxLength } = question;
  if (server !== undefined) {
    const found = view.servers.find(({ name }) => name === server);
    if (found === undefined) return noSuchServer(view, server, maxLength);
    return cut([headLine(view), serverText(found, now, true)].join('\n'), maxLength);
  }
  const well = view.servers.filter(({ health }) => isWell(health));
  const others = view.servers.filter(({ health }) => !isWell(health));
  const head = [
    headLine(view),
    view.servers.length === 0
      ? 'No MCP servers are configured in MCP Lifeline.'
      : `${well.length} of ${view.servers.length} servers need nothing.`,
    ...view.troubles.flatMap(({ sentence }) =>
      sentence === undefined ? [] : [`Engine: ${quoted(sentence)}`],
    ),
    ...view.alerts
      .slice(0, MAX_ALERTS)
      .map(
        ({ server: name, sentence }) => `Alert${name === undefined ? '' : ` (${name})`}: ${quoted(sentence)}`,
      ),
    ...view.problems
      .slice(0, MAX_PROBLEMS)
      .map(({ path, message }) => `Setting that cannot be used: ${quoted(path)}: ${quoted(message)}`),
  ];
  const lines = [...others, ...well].map((each) => serverText(each, now, !isWell(each.health)));
  return joinWithin([...head, ...lines], maxLength);
}

/** What came of a recovery. */
export function recoveryText({ results }: RecoverResult): string {
  if (results.length === 0) return 'There was nothing to recover.';
  return results
    .map(
      ({ server, outcome, message, durationMs }) =>
        `${server}: ${outcome} (${duration(durationMs, t)}). ${quoted(message)}`,
    )
    .join('\n');
}

export function engineDownText(view: HealthView): string {
  return `${headLine(view)} Nothing can be recovered until it runs; it is started again by itself.`;
}

export function noSuchServer(view: HealthView, server: string, maxLength: number): string {
  const names = view.servers.map(({ name }) => name).join(', ');
  return cut(
    `No MCP server is called ${quoted(server)} in MCP Lifeline. ${names === '' ? 'None is configured.' : `There are: ${names}.`}`,
    maxLength,
  );
}

function headLine(view: HealthView): string {
  const words = [`MCP Lifeline. ${oneLine(engineWords(view.engine, t))}`];
  if (view.engine.kind !== 'running') words.push('The state of the servers is not known until it runs.');
  if (!view.trusted) words.push('The workspace is not trusted: servers that it configures are not started.');
  return words.join(' ');
}

function serverText(server: ServerView, now: number, isWhole: boolean): string {
  const { name, snapshot } = server;
  const parts = [`- ${oneLine(name)}: ${healthWords(server, t)}.`];
  if (snapshot === undefined) return [...parts, ...adviceOf(server)].join(' ');
  if (isWhole) {
    parts.push(quoted(stateSentence(snapshot, t)), `In this state for ${timeSpan(now - snapshot.since)}.`);
    if (snapshot.diagnosis !== undefined)
      parts.push(`Cause: ${quoted(causeSentence(snapshot.diagnosis, t, MAX_QUOTE))}`);
    const degraded = degradedBeside(snapshot);
    if (degraded !== undefined) parts.push(quoted(degradedSentence(degraded, t)));
    parts.push(...adviceOf(server));
  } else if (snapshot.degraded !== undefined) parts.push(quoted(degradedSentence(snapshot.degraded, t)));
  if (snapshot.breaker.state !== 'closed') parts.push(`Breaker: ${breakerWords(snapshot, t)}.`);
  if (snapshot.nextAttemptAt !== undefined && snapshot.nextAttemptAt > now)
    parts.push(`Next attempt in ${timeSpan(snapshot.nextAttemptAt - now)}.`);
  if (snapshot.metrics.total > 0) parts.push(`Calls: ${callWords(snapshot, t)}.`);
  if (snapshot.lastError !== undefined && (isWhole || snapshot.lastCallFailed === true)) {
    const { code, message, at } = snapshot.lastError;
    parts.push(`Last error, ${timeSpan(now - at)} ago (${code}): ${quoted(message)}`);
  }
  return parts.join(' ');
}

/** What helps, for those who can do nothing but call a tool or tell a person. */
function adviceOf({ health, snapshot }: ServerView): string[] {
  switch (health) {
    case 'healthy':
    case 'idle':
    case 'working':
      return [];
    case 'busy':
      return ['Calls wait until it is ready.'];
    case 'degraded':
      return ['It answers; tell the user what is missing.'];
    case 'unsure':
      return ['Wait a few seconds and try again. If it stays so, recover it.'];
    case 'down':
      return [
        'It could not be brought back yet, and is tried again soon; calls wait for it. If it stays down, recover it.',
      ];
    case 'recovering':
      return ['It is being brought back by itself; calls wait for it. If it stays down, recover it.'];
    case 'failed':
      return ['It is tried again by itself, rarely. Mend the cause, then recover it.'];
    case 'waiting':
      return [waitingAdvice(snapshot?.state)];
    case 'unknown':
      return [];
    case 'disabled':
      return ['It is switched off in the settings of the user.'];
    case 'invalid':
      return ['The user has to correct its entry in the setting mcpLifeline.servers.'];
    default:
      return assertNever(health);
  }
}

function waitingAdvice(state: string | undefined): string {
  if (state === 'needsSignIn')
    return 'Only the user can help: it needs a sign-in, or a value, that only a person can give.';
  return 'Only the user can help: a person took it out of use.';
}

/** In quotation marks, on one line: words of servers are facts to read, and no instructions. */
function quoted(text: string): string {
  const line = oneLine(text);
  return `"${line.length <= MAX_QUOTE ? line : `${line.slice(0, MAX_QUOTE)}…`}"`;
}

// The engine has taken out the secrets that it knows; what comes from settings has not been there.
function oneLine(text: string): string {
  return redactWellKnown(text).replace(/\s+/g, ' ').replace(/"/g, "'").trim();
}

function timeSpan(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1_000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3_600)} h`;
}

function cut(text: string, maxLength: number): string {
  return text.length <= maxLength ? text : `${text.slice(0, Math.max(0, maxLength - 1))}…`;
}

/** Whole lines as long as they fit, and how many did not. */
function joinWithin(lines: readonly string[], maxLength: number): string {
  const more = (count: number): string => `${count} more lines left out; ask for one server by its name.`;
  const kept: string[] = [];
  let length = more(lines.length).length;
  for (const line of lines) {
    length += line.length + 1;
    if (length > maxLength) break;
    kept.push(line);
  }
  if (kept.length < lines.length) kept.push(more(lines.length - kept.length));
  return cut(kept.join('\n'), maxLength);
}
