import type { Clock } from '../shared/base/clock.ts';
import type {
  DashboardCard,
  DashboardHistory,
  DashboardModel,
  DashboardNotice,
  DashboardWatched,
  HistoryRange,
  HostMessage,
  PageMessage,
  PageWords,
} from '../shared/protocol/dashboardMessages.ts';
import { Asks } from './asks.ts';
import { Announcer } from './components/announcer.ts';
import { Card } from './components/card.ts';
import { element, KeyedList, setHidden } from './components/dom.ts';
import { EventLog } from './components/eventLog.ts';
import { Header } from './components/header.ts';
import { Notice } from './components/notice.ts';
import { Overview } from './components/overview.ts';
import { RangePicker } from './components/rangePicker.ts';
import { FrameQueue } from './frameQueue.ts';
import { HistoryStore } from './historyStore.ts';
import type { Moments } from './moments.ts';
import type { PageState } from './pageState.ts';
import { ScrollKeeper, type Landmark } from './scrollKeeper.ts';

export interface PageContext {
  readonly words: PageWords;
  readonly moments: Moments;
  readonly clock: Clock;
  readonly send: (message: PageMessage) => void;
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
  readonly #range: RangePicker;
  readonly #events: EventLog;
  readonly #history = new HistoryStore();
  readonly #watched = new Map<string, DashboardWatched>();
  readonly #known = new Map<string, DashboardCard>();
  readonly #servers: readonly HTMLElement[];
  readonly #root: HTMLElement[];
  readonly #queue: FrameQueue;
  readonly #asks: Asks;
  readonly #keep: (state: PageState) => void;
  #state: PageState;
  #shownNotices: readonly Notice[] = [];
  #shownCards: readonly Card[] = [];
  #isHistoryScheduled = false;

  constructor(title: string, context: PageContext) {
    const { words, moments, clock, send, kept, keep } = context;
    this.#state = kept;
    this.#keep = keep;
    this.#queue = new FrameQueue(clock);
    this.#asks = new Asks(send);
    const change = (changes: Partial<PageState>): void => this.#change(changes);
    const parts = {
      words,
      moments,
      clock,
      asks: this.#asks,
      queue: this.#queue,
      isOpen: (server: string) => this.#state.open.includes(server),
      onToggle: (server: string, isOpen: boolean) => this.#setOpen(server, isOpen),
    };
    this.#header = new Header(title, parts, () => this.#events.show());
    this.#overview = new Overview(parts);
    this.#events = new EventLog({ words, moments, clock, kept, onChange: change });
    const onChange = (range: HistoryRange): void => {
      change({ range });
      this.#range.update('notYet');
      send({ kind: 'range', range });
    };
    this.#range = new RangePicker({ words, clock, chosen: kept.range, onChange });
    const notices = element('div', { class: 'notices' });
    const grid = element('section', { class: 'cards', 'aria-label': words.servers });
    this.#servers = [this.#range.root, grid, this.#events.root];
    this.#notices = new KeyedList<DashboardNotice>(
      notices,
      ({ key }) => key,
      () => new Notice(parts),
    );
    this.#cards = new KeyedList<DashboardCard>(
      grid,
      ({ name }) => name,
      (card) => new Card(card, parts),
    );
    const main = element('main', {}, notices, this.#overview.root, ...this.#servers, this.#announcer.root);
    this.#root = [this.#header.root, main];
    this.#hideServers(true);
    // It works by itself, as long as the page is there.
    new ScrollKeeper(main, {
      clock,
      kept: kept.place,
      keep: (place) => change({ place }),
      landmarks: () => this.#landmarks(),
    });
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
        this.#showWatched(message.watched);
        return;
      case 'events':
        this.#events.update(message.events);
        return;
      case 'told':
        this.#showTold(message);
        return;
      case 'done':
        this.#asks.done(message.ask);
    }
  }

  /** @param now the host's wall clock */
  tick(now: number): void {
    for (const part of [this.#overview, ...this.#shownNotices, ...this.#shownCards]) part.tick(now);
  }

  #change(changes: Partial<PageState>): void {
    this.#state = { ...this.#state, ...changes };
    this.#keep(this.#state);
  }

  #setOpen(server: string, isOpen: boolean): void {
    const { open } = this.#state;
    if (open.includes(server) === isOpen) return;
    this.#change({ open: isOpen ? [...open, server] : open.filter((name) => name !== server) });
  }

  #showModel(model: DashboardModel, isDelta: boolean): void {
    if (!isDelta) this.#known.clear();
    for (const card of model.cards) this.#known.set(card.name, card);
    const names = new Set(model.names);
    for (const name of this.#watched.keys()) if (!names.has(name)) this.#watched.delete(name);
    const cards = [...names].flatMap((name) => this.#known.get(name) ?? []);
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
    for (const part of this.#servers) setHidden(part, isHidden);
  }

  #cardOf(name: string): Card | undefined {
    return this.#cards.item(name) as Card | undefined;
  }

  /** From the top to the bottom. */
  #landmarks(): Landmark[] {
    return [
      ...this.#shownCards.map(({ root, name }) => ({ root, server: name })),
      { root: this.#events.root, server: '' },
    ];
  }

  #fill(card: Card): void {
    this.#queue.add(card, () => card.updateHistory(this.#history));
    const watched = this.#watched.get(card.name);
    if (watched !== undefined) card.updateWatched(watched);
  }

  #showWatched(watched: DashboardWatched): void {
    const card = this.#cardOf(watched.server);
    if (card === undefined) return;
    this.#watched.set(watched.server, watched);
    card.updateWatched(watched);
  }

  /** What comes in several messages one after the other is drawn together. */
  #showHistory(history: DashboardHistory): void {
    this.#history.apply(history);
    if (this.#isHistoryScheduled) return;
    this.#isHistoryScheduled = true;
    requestAnimationFrame(() => {
      this.#isHistoryScheduled = false;
      for (const card of this.#shownCards) {
        this.#queue.add(card, () => card.updateHistory(this.#history));
      }
    });
  }

  #showTold({ part, range, isWhole }: HostMessage & { readonly kind: 'told' }): void {
    if (part === 'events') this.#events.updateTold(isWhole);
    else if (range === this.#state.range) this.#range.update(isWhole ? 'whole' : 'missing');
  }
}
