import type { RecoverParams, RecoverResult } from '../../shared/protocol/engineMessages.ts';
import { isIsolated } from '../health/conditions.ts';
import { isWell, type HealthView, type ServerView } from '../health/healthView.ts';
import { counted, duration } from '../figures.ts';
import { said, type Translate } from '../translate.ts';

/** What a person is told when a recovery is over. */
export interface RecoveryMessage {
  readonly severity: 'info' | 'warning';
  readonly message: string;
  /** A server whose log explains a failure. */
  readonly logOf: string | undefined;
}

/** Servers whose running calls the recovery would end. "All" leaves healthy and idle servers alone. */
export function interruptedServers(view: HealthView, params: RecoverParams): readonly ServerView[] {
  return view.servers.filter(({ name, health, snapshot }) => {
    if (snapshot === undefined || snapshot.metrics.inFlight === 0 || isIsolated(snapshot)) return false;
    if (params.server !== undefined) return name === params.server;
    return params.mode === 'restart' || !isWell(health);
  });
}

/** The question before running calls are ended, and below it what that means for whoever waits. */
export function interruptionQuestion(
  servers: readonly ServerView[],
  t: Translate,
): { readonly message: string; readonly detail: string } {
  const calls = servers.reduce((sum, { snapshot }) => sum + (snapshot?.metrics.inFlight ?? 0), 0);
  const names = servers.map(({ name }) => name).join(', ');
  return {
    message: counted(t, calls, 'End the running call on {1}?', 'End {0} running calls on {1}?', names),
    detail: t(
      'A fresh start ends what is running. Whoever waits for an answer gets an error instead, which cannot always tell whether the call was carried out.',
    ),
  };
}

/** The result of each server, in one message. */
export function recoveryMessage({ results }: RecoverResult, t: Translate): RecoveryMessage {
  const failed = results.filter(({ outcome }) => outcome === 'failed');
  const recovered = results.filter(({ outcome }) => outcome === 'recovered');
  const parts: string[] = [];
  if (recovered.length > 0) {
    const names = recovered.map(({ server, durationMs }) => `${server} (${duration(durationMs, t)})`);
    parts.push(t('Recovered: {0}.', names.join(', ')));
  }
  for (const { server, message } of failed) parts.push(t('Failed: {0}. {1}', server, said(message, t)));
  // Begun after the question, or between it and the answer.
  const busy = results.filter(({ runningCalls = 0 }) => runningCalls > 0);
  if (busy.length > 0) {
    parts.push(
      t('Left alone, because calls are running on it: {0}.', busy.map(({ server }) => server).join(', ')),
    );
  }
  const [only] = results;
  if (only === undefined) parts.push(t('There is nothing to recover.'));
  else if (parts.length === 0 && results.length === 1) {
    parts.push(t('{0} was left alone. {1}', only.server, said(only.message, t)));
  } else if (parts.length === 0) parts.push(t('No server needs a recovery. All were left alone.'));
  return {
    severity: failed.length > 0 ? 'warning' : 'info',
    message: parts.join(' '),
    logOf: failed[0]?.server,
  };
}
