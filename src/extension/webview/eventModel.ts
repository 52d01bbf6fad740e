import { assertNever } from '../../shared/base/assertNever.ts';
import {
  MAX_PAGE_EVENTS,
  messageLimits,
  type DashboardEvent,
  type DashboardEvents,
} from '../../shared/protocol/dashboardData.ts';
import type { Tone } from '../../shared/protocol/dashboardMessages.ts';
import type {
  EngineEvent,
  EventKind,
  EventsAnswer,
  EventsParams,
} from '../../shared/protocol/eventMessages.ts';
import type { ConnectionState } from '../../shared/model/connectionState.ts';
import type { BreakerStateName } from '../../shared/model/snapshot.ts';
import { actionTitle, type ActionId } from '../health/conditions.ts';
import { counted } from '../figures.ts';
import type { Translate } from '../translate.ts';
import { span } from '../figures.ts';

const PAGE = 2_000;
/** Answers that are taken in one go; what is more comes with the next. */
const MAX_ANSWERS = 10;

/** What one page knows of the events: everything once, then what is new. */
export class EventTail {
  readonly #ask: (params: EventsParams) => Promise<EventsAnswer | undefined>;
  readonly #t: Translate;
  #cursor: string | undefined;
  #turn = 0;

  constructor(ask: (params: EventsParams) => Promise<EventsAnswer | undefined>, t: Translate) {
    this.#ask = ask;
    this.#t = t;
  }

  /** The page is new: it has nothing. */
  restart(): void {
    this.#cursor = undefined;
    this.#turn += 1;
  }

  /**
   * Tells what is new, a part at a time; ends early when the page has nothing of what it knew any more.
   * @returns whether the page has all that there is; false when the engine does not answer
   */
  async tell(post: (events: DashboardEvents) => void): Promise<boolean> {
    const turn = this.#turn;
    let since = this.#cursor;
    for (let count = 0; count < MAX_ANSWERS; count += 1) {
      const answer = await this.#ask({ limit: PAGE, ...(since === undefined ? {} : { since }) });
      if (answer === undefined || turn !== this.#turn) return false;
      this.#cursor = since = answer.cursor;
      if (answer.isDelta !== true) {
        this.#post(answer.events, false, post);
        return this.#tellEarlier(answer, turn, post);
      }
      if (answer.events.length > 0) this.#post(answer.events, true, post);
      if (answer.hasMore !== true) return true;
    }
    return true;
  }

  async #tellEarlier(
    newest: EventsAnswer,
    turn: number,
    post: (events: DashboardEvents) => void,
  ): Promise<boolean> {
    let answer = newest;
    let told = newest.events.length;
    while (answer.hasMore === true && told < MAX_PAGE_EVENTS) {
      const before = answer.events[0]?.id;
      if (before === undefined) return true;
      const next = await this.#ask({ limit: PAGE, before });
      if (next === undefined || turn !== this.#turn) return false;
      this.#post(next.events, true, post);
      told += next.events.length;
      answer = next;
    }
    return true;
  }

  #post(events: readonly EngineEvent[], isDelta: boolean, post: (events: DashboardEvents) => void): void {
    for (let from = 0; from === 0 || from < events.length; from += messageLimits.events) {
      const part = events.slice(from, from + messageLimits.events);
      post({ isDelta: isDelta || from > 0, events: part.map((event) => shownEvent(event, this.#t)) });
    }
  }
}

export function shownEvent(event: EngineEvent, t: Translate): DashboardEvent {
  const { id, kind, server, at, count = 1, lastAt } = event;
  const words = eventWords(event, t);
  return {
    id,
    at: lastAt ?? at,
    kind,
    ...(server === undefined ? {} : { server }),
    tone: toneOf(event),
    text: count > 1 ? counted(t, count, '{1} (once)', '{1} ({0} times)', words) : words,
  };
}

/** What a kind is called where events are chosen by it. */
export function kindWords(kind: EventKind, t: Translate): string {
  switch (kind) {
    case 'state':
      return t('Connection');
    case 'retry':
      return t('Retry');
    case 'fault':
      return t('Failed call');
    case 'breaker':
      return t('Breaker');
    case 'restart':
      return t('Back again');
    case 'recovery':
      return t('Recovery');
    case 'action':
      return t('Action');
    case 'configuration':
      return t('Settings');
    case 'engine':
      return t('Engine');
    default:
      return assertNever(kind);
  }
}

function toneOf({ kind, to, breaker, outcome, engine }: EngineEvent): Tone {
  switch (kind) {
    case 'state':
      return to === 'broken' || to === 'crashLoop' ? 'error' : to === 'ready' ? 'good' : 'neutral';
    case 'breaker':
      return breaker === 'open' ? 'error' : breaker === 'closed' ? 'good' : 'warning';
    case 'fault':
      return 'error';
    case 'retry':
      return 'warning';
    case 'recovery':
      return outcome === 'failed' ? 'error' : 'good';
    case 'restart':
      return 'good';
    case 'engine':
      return engine === 'lost' ? 'error' : 'neutral';
    case 'action':
    case 'configuration':
      return 'neutral';
    default:
      return assertNever(kind);
  }
}

function eventWords(event: EngineEvent, t: Translate): string {
  const { kind, from, to, fault = '', call = '', breaker, ms = 0 } = event;
  switch (kind) {
    case 'state': {
      const moved = t('{0}, before that {1}', stateName(to, t), stateName(from, t));
      return fault === '' ? moved : t('{0}: {1}', moved, fault);
    }
    case 'retry':
      return t('{0} was tried again: {1}', call, fault);
    case 'fault':
      return t('{0} failed: {1}', call, fault);
    case 'breaker':
      return breakerName(breaker, t);
    case 'restart':
      return t('usable again after {0}', span(ms, t));
    case 'recovery':
      return recoveryWords(event, t);
    case 'action':
      return actionWords(event, t);
    case 'configuration':
      return counted(
        t,
        event.servers ?? 0,
        'settings taken over, one server',
        'settings taken over, {0} servers',
      );
    case 'engine':
      return engineWords(event, t);
    default:
      return assertNever(kind);
  }
}

function recoveryWords({ outcome, ms = 0 }: EngineEvent, t: Translate): string {
  if (outcome === 'failed') return t('not recovered, after {0}', span(ms, t));
  return outcome === 'skipped' ? t('left alone') : t('recovered in {0}', span(ms, t));
}

function engineWords({ engine }: EngineEvent, t: Translate): string {
  if (engine === 'lost') return t('the engine before it was killed, or the machine went down');
  return engine === 'stopped' ? t('the engine stopped') : t('the engine started');
}

const actions: readonly ActionId[] = ['resetBreaker', 'isolate', 'rejoin', 'freePort', 'acceptChange'];

function actionWords({ action = '', done }: EngineEvent, t: Translate): string {
  const known = actions.find((candidate) => candidate === action);
  const title = known === undefined ? otherAction(action, t) : actionTitle(known, t);
  return done === false ? t('{0}: not done', title) : title;
}

function otherAction(action: string, t: Translate): string {
  if (action === 'recover') return t('Force Recovery');
  return action === 'restart' ? t('Restart') : action;
}

function breakerName(breaker: BreakerStateName | undefined, t: Translate): string {
  switch (breaker) {
    case 'open':
      return t('the breaker opened: calls are held back');
    case 'halfOpen':
      return t('the breaker lets calls through on trial');
    case 'isolated':
      return t('isolated by hand');
    case 'closed':
    case undefined:
      return t('the breaker closed: calls go through');
    default:
      return assertNever(breaker);
  }
}

function stateName(state: ConnectionState | undefined, t: Translate): string {
  switch (state) {
    case undefined:
    case 'idle':
      return t('idle');
    case 'connecting':
      return t('starting');
    case 'initializing':
      return t('handshake');
    case 'probing':
      return t('checking');
    case 'ready':
      return t('connected');
    case 'suspect':
      return t('not answering on time');
    case 'broken':
      return t('connection lost');
    case 'recovering':
      return t('recovering');
    case 'crashLoop':
      return t('keeps failing');
    case 'needsSignIn':
      return t('needs sign-in');
    case 'isolated':
      return t('isolated');
    case 'stopped':
      return t('stopped');
    default:
      return assertNever(state);
  }
}
