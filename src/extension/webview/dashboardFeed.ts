import type { Clock } from '../../shared/base/clock.ts';
import { DisposableStore, toDisposable, type Disposable } from '../../shared/base/disposable.ts';
import type { Event } from '../../shared/base/emitter.ts';
import type {
  DashboardModel,
  DashboardWatched,
  HistoryRange,
  HostMessage,
} from '../../shared/protocol/dashboardMessages.ts';
import type { ToldPart } from '../../shared/protocol/dashboardData.ts';
import type { EventsAnswer, EventsParams } from '../../shared/protocol/eventMessages.ts';
import type { History, HistoryParams } from '../../shared/protocol/historyMessages.ts';
import type { Translate } from '../translate.ts';
import { EventTail } from './eventModel.ts';
import { HistoryTail, rangeParams } from './historyModel.ts';

/** Figures follow each other at most this often; a change of a state goes out at once. */
const POST_INTERVAL_MS = 250;
const HISTORY_INTERVAL_MS = 5_000;

/** An event is told a moment after what it changed, and not each of a burst apart. */
const EVENTS_INTERVAL_MS = 500;

/** The part of the source that one page needs. */
export interface FeedSource {
  readonly model: DashboardModel;
  readonly onDidChange: Event<undefined>;
  history(params: HistoryParams): Promise<History | undefined>;
  events(params: EventsParams): Promise<EventsAnswer | undefined>;
  watched(windowMs: number): Promise<DashboardWatched[]>;
}

/** One page, as its host sees it. */
export interface FeedTarget {
  post(message: HostMessage): void;
}

/**
 * Keeps one page up to date while somebody can see it: with everything when it is shown, and then with what is new. A page that is hidden
 * gets nothing, and everything when it is shown again: what it had may be gone with it.
 */
export class DashboardFeed implements Disposable {
  readonly #clock: Clock;
  readonly #source: FeedSource;
  readonly #target: FeedTarget;
  readonly #history: HistoryTail;
  readonly #events: EventTail;
  readonly #store = new DisposableStore();
  #isVisible = false;
  /** Of each card as it was told, by its name; `undefined`: the page has nothing. */
  #cards: ReadonlyMap<string, string> | undefined;
  #shown = { everything: '', states: '' };
  #lastPostAt = -Infinity;
  #pending: Disposable | undefined;
  #historyTimer: Disposable | undefined;
  #eventsTimer: Disposable | undefined;
  #isTellingEvents = false;
  /** Whether all of it was told at last; absent: the page waits. */
  #told: Partial<Record<ToldPart, boolean>> = {};
  /** Counts the times that the page was shown; an answer for an earlier time is dropped. */
  #showing = 0;

  constructor(clock: Clock, source: FeedSource, target: FeedTarget, t: Translate) {
    this.#clock = clock;
    this.#source = source;
    this.#target = target;
    this.#history = new HistoryTail((params) => source.history(params), t);
    this.#events = new EventTail((params) => source.events(params), t);
    this.#store.add(
      source.onDidChange(() => {
        this.#update();
        this.#expectEvents();
      }),
    );
    this.#store.add(toDisposable(() => this.setVisible(false)));
  }

  setVisible(isVisible: boolean): void {
    if (isVisible === this.#isVisible) return;
    this.#isVisible = isVisible;
    if (isVisible) {
      this.postAll();
      return;
    }
    this.#showing += 1;
    for (const timer of [this.#pending, this.#historyTimer, this.#eventsTimer]) timer?.dispose();
    this.#pending = this.#historyTimer = this.#eventsTimer = undefined;
  }

  /** The page is new, or shown again: it has nothing. */
  postAll(range: HistoryRange = this.#history.range): void {
    this.#history.restart(range);
    if (!this.#isVisible) return;
    this.#showing += 1;
    this.#shown = { everything: '', states: '' };
    this.#cards = undefined;
    this.#told = {};
    this.#events.restart();
    this.#update();
    this.#followHistory();
    this.#tellEvents();
  }

  /** The page shows another time. */
  setRange(range: HistoryRange): void {
    this.#told = { ...(this.#told.events === undefined ? {} : { events: this.#told.events }) };
    this.#history.restart(range);
    if (this.#isVisible) this.#followHistory();
  }

  dispose(): void {
    this.#store.dispose();
  }

  #update(): void {
    if (!this.#isVisible) return;
    const { model } = this.#source;
    const next = { everything: JSON.stringify({ ...model, now: 0 }), states: statesOf(model) };
    if (next.everything === this.#shown.everything) return;
    const waitMs = this.#lastPostAt + POST_INTERVAL_MS - this.#clock.now();
    if (next.states === this.#shown.states && waitMs > 0) {
      this.#pending ??= this.#clock.setTimer(waitMs, () => {
        this.#pending = undefined;
        this.#update();
      });
      return;
    }
    this.#pending?.dispose();
    this.#pending = undefined;
    this.#lastPostAt = this.#clock.now();
    this.#shown = next;
    this.#postModel(model);
  }

  /** Everything at first, then only the cards that differ. */
  #postModel(model: DashboardModel): void {
    const known = this.#cards;
    const cards = new Map(model.cards.map((card) => [card.name, JSON.stringify(card)]));
    this.#cards = cards;
    const changed = model.cards.filter(({ name }) => known?.get(name) !== cards.get(name));
    this.#target.post({ kind: 'model', isDelta: known !== undefined, model: { ...model, cards: changed } });
  }

  #followHistory(): void {
    this.#historyTimer?.dispose();
    this.#historyTimer = undefined;
    void this.#tellHistory(this.#showing, this.#history.range);
  }

  async #tellHistory(showing: number, range: HistoryRange): Promise<void> {
    const isMeant = (): boolean => showing === this.#showing && range === this.#history.range;
    const [messages, watched] = await Promise.all([
      this.#history.next(),
      this.#source.watched(rangeParams[range].rangeMs),
    ]);
    if (!isMeant()) return;
    for (const history of messages) this.#target.post({ kind: 'history', history });
    this.#tellEnd('history', messages.length > 0);
    for (const one of watched) this.#target.post({ kind: 'watched', watched: one });
    // What is worth showing only for a while goes without anything else having changed.
    this.#update();
    this.#historyTimer?.dispose();
    this.#historyTimer = this.#clock.setTimer(HISTORY_INTERVAL_MS, () => {
      this.#followHistory();
      this.#expectEvents();
    });
  }

  #expectEvents(): void {
    if (!this.#isVisible) return;
    this.#eventsTimer ??= this.#clock.setTimer(EVENTS_INTERVAL_MS, () => {
      this.#eventsTimer = undefined;
      this.#tellEvents();
    });
  }

  #tellEvents(): void {
    if (this.#isTellingEvents) {
      this.#expectEvents();
      return;
    }
    this.#isTellingEvents = true;
    const showing = this.#showing;
    void this.#events
      .tell((events) => {
        if (showing === this.#showing) this.#target.post({ kind: 'events', events });
      })
      .then((isWhole) => {
        if (showing === this.#showing) this.#tellEnd('events', isWhole);
      })
      .finally(() => (this.#isTellingEvents = false));
  }

  /** The page stops to wait for it; that the engine does not answer is told once, not every few seconds. */
  #tellEnd(part: ToldPart, isWhole: boolean): void {
    if (this.#told[part] === isWhole) return;
    this.#told = { ...this.#told, [part]: isWhole };
    this.#target.post({ kind: 'told', part, range: this.#history.range, isWhole });
  }
}

/** What a person must not see late: everything but figures. */
function statesOf({ tone, notices, alerts, cards }: DashboardModel): string {
  return JSON.stringify([
    tone,
    notices.map(({ key, text }) => [key, text]),
    alerts.map(({ key }) => key),
    cards.map((card) => [card.name, card.state, card.recent?.at, card.recovery?.kind, card.canRecover]),
  ]);
}
