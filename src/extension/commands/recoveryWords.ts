import type { RecoverParams, RecoverResult } from '../../shared/protocol/engineMessages.ts';
import { isIsolated } from '../health/conditions.ts';
import { isWell, type HealthView, type ServerView } from '../health/healthView.ts';
import { duration } from '../health/words.ts';
import type { Translate } from '../translate.ts';

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

/** The question before running calls are ended. */
export function interruptionQuestion(servers: readonly ServerView[], t: Translate): string {
  const calls = servers.reduce((sum, { snapshot }) => sum + (snapshot?.metrics.inFlight ?? 0), 0);
  const names = servers.map(({ name }) => name).join(', ');
  return calls === 1
    ? t('One call is running on {0}. Recovering ends it.', names)
    : t('{0} calls are running on {1}. Recovering ends them.', calls, names);
}

/** The result of each server, in one message. */
export function recoveryMessage({ results }: RecoverResult, t: Translate): RecoveryMessage {
  const failed = results.filter(({ outcome }) => outcome === 'failed');
  const recovered = results.filter(({ outcome }) => outcome === 'recovered');
  const parts: string[] = [];
  if (recovered.length > 0) {
    const names = recovered.map(({ server, durationMs }) => `${server} (${duration(durationMs)})`);
    parts.push(t('Recovered: {0}.', names.join(', ')));
  }
  for (const { server, message } of failed) parts.push(t('Failed: {0}. {1}', server, message));
  const [only] = results;
  if (only === undefined) parts.push(t('There is nothing to recover.'));
  else if (parts.length === 0 && results.length === 1) {
    parts.push(t('{0} was left alone. {1}', only.server, only.message));
  } else if (parts.length === 0) parts.push(t('No server needs a recovery. All were left alone.'));
  return {
    severity: failed.length > 0 ? 'warning' : 'info',
    message: parts.join(' '),
    logOf: failed[0]?.server,
  };
}
