import { assertNever } from '../../shared/base/assertNever.ts';
import type { Degraded, Diagnosis, ServerSnapshot } from '../../shared/model/snapshot.ts';
import type { ServerAction } from '../../shared/protocol/engineMessages.ts';
import { counted, localNumber } from '../figures.ts';
import { said, type Translate } from '../translate.ts';

/** What is worth saying of a server beside its state: that it is busy, offers less, why it is down, who waits. */

export type ActionId = ServerAction['action'];

/** By hand, whatever its connections do. */
export function isIsolated({ state, breaker }: ServerSnapshot): boolean {
  return state === 'isolated' || breaker.state === 'isolated';
}

/** Whether its breaker says something beside its state. */
export function tellsBreaker(snapshot: ServerSnapshot): boolean {
  return snapshot.breaker.state !== 'closed' && !isIsolated(snapshot);
}

/** What makes sense to do with a server as it is now. */
export function offeredActions(snapshot: ServerSnapshot): readonly ActionId[] {
  if (isIsolated(snapshot)) return ['rejoin'];
  if (snapshot.state === 'stopped') return [];
  const actions: ActionId[] = [];
  if (snapshot.diagnosis?.holder?.isStale === true) actions.push('freePort');
  if (snapshot.degraded !== undefined && canBeAccepted(snapshot.degraded)) actions.push('acceptChange');
  const { state, failures } = snapshot.breaker;
  if (state !== 'closed' || failures > 0) actions.push('resetBreaker');
  return [...actions, 'isolate'];
}

/** What is gone can be accepted as the new whole; a failing health check cannot. */
function canBeAccepted({ reason }: Degraded): boolean {
  return reason !== 'failedCheck';
}

export function actionTitle(action: ActionId, t: Translate): string {
  switch (action) {
    case 'resetBreaker':
      return t('Reset Breaker');
    case 'isolate':
      return t('Isolate Server');
    case 'rejoin':
      return t('Rejoin Server');
    case 'freePort':
      return t('Free the Port');
    case 'acceptChange':
      return t('Accept Change');
    default:
      return assertNever(action);
  }
}

/** In which way it offers less than it did; a few words. */
export function degradedWords({ reason }: Degraded, t: Translate): string {
  switch (reason) {
    case 'fewerTools':
      return t('fewer tools than before');
    case 'fewerPrompts':
      return t('fewer prompts than before');
    case 'fewerResources':
      return t('fewer resources than before');
    case 'emptyAnswers':
      return t('empty answers');
    case 'failedCheck':
      return t('its health check fails');
    default:
      return assertNever(reason);
  }
}

/** The engine's sentence, with the names of what is missing where it has not said them. */
export function degradedSentence({ sentence, missing }: Degraded, t: Translate): string {
  const unsaid = missing.filter((name) => !sentence.includes(name));
  const words = said(sentence, t);
  return unsaid.length === 0 ? words : `${words} ${t('Missing: {0}.', unsaid.join(', '))}`;
}

/** Where what it offers less is not its state's sentence already: a server that is ready says nothing else. */
export function degradedBeside(server: ServerSnapshot): Degraded | undefined {
  return server.state === 'ready' && server.breaker.state === 'closed' ? undefined : server.degraded;
}

/** Why it keeps failing, and what a person can do. `maxSentence`: a longer cause is cut, the advice never is. */
export function causeSentence(
  { sentence, advice }: Pick<Diagnosis, 'sentence' | 'advice'>,
  t: Translate,
  maxSentence = Infinity,
): string {
  const words = said(sentence, t);
  const cause = words.length <= maxSentence ? words : `${words.slice(0, maxSentence)}…`;
  // Some faults say it themselves.
  return advice === '' || sentence.includes(advice) ? cause : `${cause} ${said(advice, t)}`;
}

/** Calls that wait for a place; absent when none does. */
export function queueWords({ pool }: ServerSnapshot, t: Translate): string | undefined {
  const { queued = 0, limit = pool.max } = pool;
  if (queued === 0) return undefined;
  return counted(
    t,
    queued,
    'one call waits for a place; at most {1} at a time',
    '{0} calls wait for a place; at most {1} at a time',
    limit,
  );
}

/** How many calls it could take now. */
export function poolWords({ pool }: ServerSnapshot, t: Translate): string {
  return t('{0} of {1} free', pool.available, pool.limit ?? pool.max);
}

/** How often the server is asked at most; absent while its rate is not limited. */
export function rateWords({ rate }: ServerSnapshot, t: Translate): string | undefined {
  if (rate === undefined) return undefined;
  const perSecond = counted(
    t,
    rate.current < 10 ? rate.current : Math.round(rate.current),
    'one request per second at most',
    '{0} requests per second at most',
  );
  const others = [
    rate.queued > 0 ? t('{0} waiting', rate.queued) : undefined,
    rate.rejected > 0 ? counted(t, rate.rejected, '1 turned away', '{0} turned away') : undefined,
  ];
  return [perSecond, ...others.filter((words) => words !== undefined)].join(', ');
}

/** Only where there is some: φ of a server's silence, which nobody but a curious person needs. */
export function suspicionWords({ suspicion = 0 }: ServerSnapshot, t: Translate): string | undefined {
  return suspicion <= 0 ? undefined : t('Suspicion of its silence: φ {0}', localNumber(suspicion, t, 1));
}
