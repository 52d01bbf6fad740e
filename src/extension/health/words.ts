import { assertNever } from '../../shared/base/assertNever.ts';
import type { LatencySnapshot, ServerSnapshot } from '../../shared/model/snapshot.ts';
import type { EngineStatus } from '../engineClient/supervisor.ts';
import { clockTime, counted, duration } from '../figures.ts';
import { said, type Translate } from '../translate.ts';
import { degradedSentence, degradedWords } from './conditions.ts';
import type { HealthCounts, HealthView, ServerHealth, ServerView, Trouble } from './healthView.ts';

/** The words and icons of states, in one place, so that every view calls the same thing by the same name. */

/** One or two words for a server's health; also what a screen reader says, so colour is never the only sign. */
export function healthWords(server: ServerView, t: Translate): string {
  const state = server.snapshot?.state;
  switch (server.health) {
    case 'healthy':
      return t('healthy');
    case 'idle':
      return t('idle');
    case 'busy':
      return t('starting');
    case 'working':
      return t('busy since {0}', clockTime(server.snapshot?.busySince ?? 0, t));
    case 'degraded':
      return server.snapshot?.degraded === undefined
        ? t('healthy')
        : degradedWords(server.snapshot.degraded, t);
    case 'unsure':
      if (state === 'suspect') return t('not answering on time');
      return server.snapshot?.breaker.state === 'halfOpen' ? t('on trial') : t('refusing calls');
    case 'recovering':
      return t('recovering');
    case 'down':
      return t('down, trying again');
    case 'failed':
      return t('keeps failing');
    case 'waiting':
      if (state === 'needsSignIn')
        return server.snapshot?.needsInput === undefined ? t('needs sign-in') : t('needs a value');
      return state === 'isolated' ? t('isolated') : t('stopped');
    case 'unknown':
      return t('waiting for the engine');
    case 'disabled':
      return t('disabled');
    case 'invalid':
      return t('settings cannot be used');
    default:
      return assertNever(server.health);
  }
}

/** So many servers are in a condition: `3 healthy`. */
export function conditionCount(health: ServerHealth, count: number, t: Translate): string {
  switch (health) {
    case 'healthy':
      return counted(t, count, '1 healthy', '{0} healthy');
    case 'idle':
      return counted(t, count, '1 idle', '{0} idle');
    case 'busy':
      return t('{0} starting', count);
    case 'working':
      return t('{0} at work', count);
    case 'degraded':
      return counted(t, count, '1 not as before', '{0} not as before');
    case 'unsure':
      return t('{0} in doubt', count);
    case 'recovering':
      return t('{0} recovering', count);
    case 'down':
      return t('{0} down', count);
    case 'failed':
      return t('{0} failing', count);
    case 'waiting':
      return t('{0} waiting for you', count);
    case 'unknown':
      return counted(t, count, '1 not known yet', '{0} not known yet');
    case 'disabled':
      return counted(t, count, '1 disabled', '{0} disabled');
    case 'invalid':
      return t('{0} with unusable settings', count);
    default:
      return assertNever(health);
  }
}

export interface Icon {
  /** A codicon's name. */
  readonly name: string;
  /** A theme colour; absent where the state is neutral. */
  readonly color: string | undefined;
}

export function healthIcon(health: ServerHealth): Icon {
  switch (health) {
    case 'healthy':
      return { name: 'pass-filled', color: 'testing.iconPassed' };
    case 'idle':
      return { name: 'circle-outline', color: undefined };
    case 'busy':
      return { name: 'sync~spin', color: undefined };
    case 'working':
      return { name: 'loading~spin', color: undefined };
    case 'degraded':
      return { name: 'warning', color: 'list.warningForeground' };
    case 'unsure':
      return { name: 'warning', color: 'list.warningForeground' };
    case 'recovering':
      return { name: 'sync~spin', color: 'list.warningForeground' };
    case 'down':
    case 'failed':
      return { name: 'error', color: 'list.errorForeground' };
    case 'waiting':
      return { name: 'debug-pause', color: 'list.warningForeground' };
    case 'unknown':
      return { name: 'sync~spin', color: 'disabledForeground' };
    case 'disabled':
      return { name: 'circle-slash', color: 'disabledForeground' };
    case 'invalid':
      return { name: 'warning', color: 'list.warningForeground' };
    default:
      return assertNever(health);
  }
}

/**
 * What is the case and what happens next. Where a cause belongs to it, that is the engine's own `sentence`, which
 * quotes the server.
 */
export function stateSentence(server: ServerSnapshot, t: Translate): string {
  switch (server.state) {
    case 'idle':
      return t('Nobody uses it now; it is started when it is needed.');
    case 'connecting':
      return server.needsInput === undefined
        ? t('It is being started or connected to.')
        : t('It waits for a value that you are asked for.');
    case 'initializing':
      return t('It is there; the MCP handshake is under way.');
    case 'probing':
      return t('The handshake is done; one ping makes sure that it answers.');
    case 'ready':
      return readySentence(server, t);
    case 'suspect':
      return t(
        'It did not answer on time, or could not be reached; pings find out whether it is slow or gone.',
      );
    case 'isolated':
      return t('It is isolated by hand; rejoin it to use it again.');
    case 'needsSignIn':
    case 'broken':
    case 'recovering':
    case 'crashLoop':
    case 'stopped':
      return said(server.sentence, t);
    default:
      return assertNever(server.state);
  }
}

function readySentence(server: ServerSnapshot, t: Translate): string {
  const { breaker, lastCallFailed, degraded, busySince } = server;
  switch (breaker.state) {
    case 'closed':
      if (degraded !== undefined) return degradedSentence(degraded, t);
      if (busySince !== undefined)
        return t(
          'It is connected and works on a call; it has said nothing since {0}.',
          clockTime(busySince, t),
        );
      return lastCallFailed === true
        ? t('It is connected, but the last call failed.')
        : t('It is connected and answers.');
    case 'open':
      return t('It is connected, but failed repeatedly; calls are held back for now.');
    case 'halfOpen':
      return t('It is connected, but failed repeatedly; the next calls decide.');
    case 'isolated':
      return t('It is isolated by hand; rejoin it to use it again.');
    default:
      return assertNever(breaker.state);
  }
}

function closedWords(failures: number, t: Translate): string {
  if (failures === 0) return t('closed');
  return counted(t, failures, 'closed, one failure', 'closed, {0} failures in a row');
}

export function breakerWords(server: ServerSnapshot, t: Translate): string {
  switch (server.breaker.state) {
    case 'closed':
      return closedWords(server.breaker.failures, t);
    case 'open':
      return server.breaker.retryAt === undefined
        ? t('open')
        : t('open until {0}', clockTime(server.breaker.retryAt, t));
    case 'halfOpen':
      return t('half-open: the next calls decide');
    case 'isolated':
      return t('isolated by hand');
    default:
      return assertNever(server.breaker.state);
  }
}

/** How many calls there were, and what is worth saying of them. */
export function callWords({ metrics }: ServerSnapshot, t: Translate): string {
  const parts = [t('{0} in all', metrics.total)];
  if (metrics.failed > 0) parts.push(t('{0} failed', metrics.failed));
  if (metrics.outcomeUnknown > 0) parts.push(t('{0} with unknown outcome', metrics.outcomeUnknown));
  if (metrics.inFlight > 0) parts.push(t('{0} running', metrics.inFlight));
  if (metrics.waiting > 0) parts.push(t('{0} waiting', metrics.waiting));
  return parts.join(', ');
}

export function engineWords(engine: EngineStatus, t: Translate): string {
  switch (engine.kind) {
    case 'stopped':
      return t('The engine is stopped.');
    case 'starting':
      return t('The engine is starting…');
    case 'running':
      return t('The engine is running (process {0}).', engine.pid);
    case 'recovering':
      return engine.retryAt === undefined
        ? t('The engine is being restarted: {0}.', engine.reason)
        : t('The engine is being restarted at {1}: {0}.', engine.reason, clockTime(engine.retryAt, t));
    default:
      return assertNever(engine);
  }
}

/** What is out of order with the engine itself. */
export function troubleWords({ kind, sentence }: Trouble, t: Translate): string {
  switch (kind) {
    case 'auditTrail':
      return sentence ?? t('The audit trail cannot be written.');
    case 'journal':
      return t('The journal of calls cannot be written.');
    default:
      return assertNever(kind);
  }
}

/** How many settings need attention; only where there are some. */
export function problemWords({ problems }: HealthView, t: Translate): string {
  return counted(t, problems.length, 'One setting needs attention.', '{0} settings need attention.');
}

/** How many of the servers that are switched on give no cause for concern. */
export function fineWords({ fine, enabled }: HealthCounts, t: Translate): string {
  return counted(t, enabled, '{1} of 1 healthy or idle', '{1} of {0} healthy or idle', fine);
}

/** A longer name is cut where it is one of several things that are said. */
const MAX_NAME = 40;

/** A server's name where there is little room. */
export function shortName(name: string): string {
  return name.length <= MAX_NAME ? name : `${name.slice(0, MAX_NAME - 1)}…`;
}

/** How fast it answers, and of how many calls that is said. */
export function latencyWords({ p50Ms, p95Ms, samples }: LatencySnapshot, t: Translate): string {
  return counted(
    t,
    samples,
    'p50 {1}, p95 {2} over one call',
    'p50 {1}, p95 {2} over {0} calls',
    duration(p50Ms, t),
    duration(p95Ms, t),
  );
}

/** Text from servers and settings, made harmless in Markdown: no links, no icons, no line breaks. */
export function escapeMarkdown(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(/[\\`*_{}[\]()#+\-.!|<>~$&]/g, (char) =>
      char === '<' ? '&lt;' : char === '&' ? '&amp;' : `\\${char}`,
    );
}
