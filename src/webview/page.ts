import type {
  DashboardCard,
  DashboardHistory,
  DashboardModel,
  DashboardNotice,
  DashboardWatched,
  HostMessage,
} from '../shared/protocol/dashboardMessages.ts';
import { Announcer } from './components/announcer.ts';
import { Card, type CardContext } from './components/card.ts';
import { element, KeyedList } from './components/dom.ts';
import { EventLog } from './components/eventLog.ts';
import { Header } from './components/header.ts';
import { Notice } from './components/notice.ts';
import { Overview } from './components/overview.ts';
import { RangePicker } from './components/rangePicker.ts';
import { HistoryStore } from './historyStore.ts';
import type { PageState } from './pageState.ts';

export interface PageContext extends CardContext {
  readonly kept: PageState;
  readonly keep: (state: PageState) => void;
}

/** The whole page. What it shows is only what the host told. */
export class Page {
  readonly #header: Header;
  readonly #overview: Overview;
  readonly #announcer = new Announcer();
  readonly #notices: KeyedList<DashboardNotice>;
  readonly #cards: KeyedList<DashboardCard>;
  readonly #events: EventLog;
  readonly #history = new HistoryStore();
  readonly #watched = new Map<string, DashboardWatched>();
  readonly #known = new Map<string, DashboardCard>();
  readonly #servers: readonly HTMLElement[];
  readonly #root: HTMLElement[];
  #state: PageState;
  #shownNotices: readonly Notice[] = [];
  #shownCards: readonly Card[] = [];
  #isHistoryScheduled = false;

  constructor(title: string, context: PageContext) {
    const { words, moments, send, kept, keep } = context;
    this.#state = kept;
    const change = (changes: Partial<PageState>): void => {
      this.#state = { ...this.#state, ...changes };
      keep(this.#state);
    };
    this.#header = new Header(title, context, () => this.#events.show());
    this.#overview = new Overview(context);
    this.#events = new EventLog({ words, moments, filter: kept, onFilter: change });
    const range = new RangePicker(words, kept.range, (chosen) => {
      change({ range: chosen });
      send({ kind: 'range', range: chosen });
    });
    const notices = element('div', { class: 'notices' });
    const grid = element('section', { class: 'cards', 'aria-label': words.servers });
    this.#servers = [range.root, grid, this.#events.root];
    this.#notices = new KeyedList<DashboardNotice>(
      notices,
      ({ key }) => key,
      () => new Notice(context),
    );
    this.#cards = new KeyedList<DashboardCard>(
      grid,
      ({ name }) => name,
      (card) => new Card(card, context),
    );
    const main = element('main', {}, notices, this.#overview.root, ...this.#servers, this.#announcer.root);
    this.#root = [this.#header.root, main];
    this.#hideServers(true);
  }

  attach(parent: HTMLElement): void {
    parent.prepend(...this.#root);
  }

  show(message: HostMessage): void {
    switch (message.kind) {
      case 'model':
        this.#showModel(message.model, message.isDelta);
        return;
      case 'history':
        this.#showHistory(message.history);
        return;
      case 'watched':
        this.#watched.set(message.watched.server, message.watched);
        this.#cardOf(message.watched.server)?.updateWatched(message.watched);
        return;
      case 'events':
        this.#events.update(message.events);
    }
  }

  /** @param now the host's wall clock */
  tick(now: number): void {
    for (const part of [this.#overview, ...this.#shownNotices, ...this.#shownCards]) part.tick(now);
  }

  #showModel(model: DashboardModel, isDelta: boolean): void {
    if (!isDelta) this.#known.clear();
    for (const card of model.cards) this.#known.set(card.name, card);
    const cards = model.names.flatMap((name) => this.#known.get(name) ?? []);
    this.#header.update(model);
    this.#notices.update(model.notices);
    this.#overview.update(model);
    const before = new Set(this.#shownCards);
    this.#cards.update(cards, isDelta ? new Set(model.cards.map(({ name }) => name)) : undefined);
    this.#hideServers(cards.length === 0);
    this.#events.updateServers(model.names, model.now);
    this.#shownNotices = model.notices.map(({ key }) => this.#notices.item(key) as Notice);
    this.#shownCards = cards.flatMap(({ name }) => this.#cardOf(name) ?? []);
    for (const card of this.#shownCards) if (!before.has(card)) this.#fill(card);
    this.tick(model.now);
    this.#announcer.update({ ...model, cards });
  }

  #hideServers(isHidden: boolean): void {
    for (const part of this.#servers) part.hidden = isHidden;
  }

  #cardOf(name: string): Card | undefined {
    return this.#cards.item(name) as Card | undefined;
  }

  #fill(card: Card): void {
    card.updateHistory(this.#history);
    const watched = this.#watched.get(card.name);
    if (watched !== undefined) card.updateWatched(watched);
  }

  /** What comes in several messages one after the other is drawn together. */
  #showHistory(history: DashboardHistory): void {
    this.#history.apply(history);
    if (this.#isHistoryScheduled) return;
    this.#isHistoryScheduled = true;
    requestAnimationFrame(() => {
      this.#isHistoryScheduled = false;
      for (const card of this.#shownCards) card.updateHistory(this.#history);
    });
  }
}
