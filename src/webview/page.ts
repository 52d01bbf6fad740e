import type {
  DashboardCard,
  DashboardHistory,
  DashboardModel,
  DashboardNotice,
  HostMessage,
} from '../shared/protocol/dashboardMessages.ts';
import { Announcer } from './components/announcer.ts';
import { Card, type CardContext } from './components/card.ts';
import { element, KeyedList } from './components/dom.ts';
import { Header } from './components/header.ts';
import { Notice } from './components/notice.ts';

/** The whole page. What it shows is only what the host sent last. */
export class Page {
  readonly #header: Header;
  readonly #announcer = new Announcer();
  readonly #notices: KeyedList<DashboardNotice>;
  readonly #cards: KeyedList<DashboardCard>;
  readonly #grid: HTMLElement;
  #shownNotices: readonly Notice[] = [];
  #shownCards: readonly Card[] = [];
  #history: DashboardHistory | undefined;
  readonly #root: HTMLElement[];

  constructor(title: string, context: CardContext) {
    this.#header = new Header(title, context);
    const notices = element('div', { class: 'notices' });
    this.#grid = element('section', { class: 'cards', 'aria-label': context.words.servers });
    this.#notices = new KeyedList<DashboardNotice>(
      notices,
      ({ key }) => key,
      () => new Notice(context),
    );
    this.#cards = new KeyedList<DashboardCard>(
      this.#grid,
      ({ name }) => name,
      (card) => new Card(card, context),
    );
    this.#root = [this.#header.root, element('main', {}, notices, this.#grid, this.#announcer.root)];
  }

  attach(parent: HTMLElement): void {
    parent.prepend(...this.#root);
  }

  show(message: HostMessage): void {
    if (message.kind === 'model') this.#showModel(message.model);
    else this.#showHistory(message.history);
  }

  /** @param now the host's wall clock */
  tick(now: number): void {
    for (const part of [...this.#shownNotices, ...this.#shownCards]) part.tick(now);
  }

  #showModel(model: DashboardModel): void {
    this.#header.update(model);
    this.#notices.update(model.notices);
    this.#cards.update(model.cards);
    this.#grid.hidden = model.cards.length === 0;
    const known = new Set(this.#shownCards);
    this.#shownNotices = model.notices.map(({ key }) => this.#notices.item(key) as Notice);
    this.#shownCards = model.cards.map(({ name }) => this.#cards.item(name) as Card);
    for (const card of this.#shownCards) {
      if (!known.has(card) && this.#history !== undefined) card.updateHistory(this.#history);
    }
    this.tick(model.now);
    this.#announcer.update(model);
  }

  #showHistory(history: DashboardHistory): void {
    this.#history = history;
    for (const card of this.#shownCards) card.updateHistory(history);
  }
}
