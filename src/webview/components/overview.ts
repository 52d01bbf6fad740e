import type {
  ContinuityEntry,
  DashboardAlert,
  DashboardModel,
  HealthCount,
  QueueEntry,
} from '../../shared/protocol/dashboardMessages.ts';
import type { Moments } from '../moments.ts';
import type { CardContext } from './card.ts';
import { element, KeyedList, setAttribute, setHidden, setText, type Item } from './dom.ts';
import { Icon } from './icon.ts';
import { MomentText } from './momentText.ts';

/** Of all servers together: how they are, what fires, who is tried next, and the figures of continuity. */
export class Overview {
  readonly root: HTMLElement;
  readonly #counts: Section<HealthCount>;
  readonly #alerts: Section<DashboardAlert>;
  readonly #queue: Section<QueueEntry>;
  readonly #continuity: Section<ContinuityEntry>;

  constructor({ words, moments }: Pick<CardContext, 'words' | 'moments'>) {
    this.#counts = new Section('counts', words.health, () => new Count());
    this.#alerts = new Section('alerts', words.alerts, () => new Alert(moments));
    this.#queue = new Section('queue', words.queue, () => new Queued(moments));
    this.#continuity = new Section('continuity', words.continuity, () => new Figure());
    this.root = element(
      'div',
      { class: 'overview' },
      this.#counts.root,
      this.#alerts.root,
      this.#queue.root,
      this.#continuity.root,
    );
  }

  update({ counts, alerts, queue, continuity }: DashboardModel): void {
    this.#counts.update(counts);
    this.#alerts.update(alerts);
    this.#queue.update(queue);
    this.#continuity.update(continuity);
  }

  tick(now: number): void {
    this.#alerts.tick(now);
    this.#queue.tick(now);
  }
}

interface TickingItem<T> extends Item<T> {
  tick?(now: number): void;
}

/** A heading and a list; not there while there is nothing to say. */
class Section<T extends { readonly key: string }> {
  readonly root: HTMLElement;
  readonly #list: KeyedList<T>;
  #shown: readonly TickingItem<T>[] = [];

  constructor(name: string, title: string, make: () => TickingItem<T>) {
    const items = element('ul');
    this.#list = new KeyedList<T>(items, ({ key }) => key, make);
    this.root = element('section', { class: name, 'aria-label': title }, element('h2', {}, title), items);
    this.root.hidden = true;
  }

  update(values: readonly T[]): void {
    setHidden(this.root, values.length === 0);
    this.#list.update(values);
    this.#shown = values.map(({ key }) => this.#list.item(key) as TickingItem<T>);
  }

  tick(now: number): void {
    for (const item of this.#shown) item.tick?.(now);
  }
}

class Count implements Item<HealthCount> {
  readonly root: HTMLElement;
  readonly #icon = new Icon();
  readonly #text = element('span');

  constructor() {
    this.root = element('li', {}, this.#icon.root, this.#text);
  }

  update({ tone, icon, text }: HealthCount): void {
    setAttribute(this.root, 'class', tone);
    this.#icon.update(icon);
    setText(this.#text, text);
  }
}

class Alert implements TickingItem<DashboardAlert> {
  readonly root: HTMLElement;
  readonly #icon = new Icon();
  readonly #text = element('span');
  readonly #since: MomentText;

  constructor(moments: Moments) {
    this.#since = new MomentText(moments, 'next');
    this.root = element('li', {}, this.#icon.root, element('span', {}, this.#text, ' ', this.#since.root));
  }

  update({ tone, text, since }: DashboardAlert): void {
    setAttribute(this.root, 'class', tone);
    this.#icon.update(tone === 'error' ? 'error' : 'warning');
    setText(this.#text, text);
    this.#since.update(since);
  }

  tick(now: number): void {
    this.#since.tick(now);
  }
}

class Queued implements TickingItem<QueueEntry> {
  readonly root: HTMLElement;
  readonly #server = element('strong');
  readonly #phrase: MomentText;

  constructor(moments: Moments) {
    this.#phrase = new MomentText(moments, 'phrase');
    this.root = element('li', {}, element('span', {}, this.#server, ' ', this.#phrase.root));
  }

  update({ server, phrase }: QueueEntry): void {
    setText(this.#server, server);
    this.#phrase.update(phrase);
  }

  tick(now: number): void {
    this.#phrase.tick(now);
  }
}

class Figure implements Item<ContinuityEntry> {
  readonly root: HTMLElement;
  readonly #symbol = element('span', { class: 'symbol' });
  readonly #value = element('strong');
  readonly #label = element('span');
  readonly #detail = element('span', { class: 'next' });

  constructor() {
    this.root = element(
      'li',
      {},
      this.#symbol,
      element('span', {}, this.#value, ' ', this.#label, ' ', this.#detail),
    );
  }

  update({ symbol, value, label, detail, isMissed }: ContinuityEntry): void {
    setAttribute(this.root, 'class', isMissed ? 'warning' : 'neutral');
    setText(this.#symbol, symbol);
    setText(this.#value, value);
    setText(this.#label, label);
    setText(this.#detail, detail === '' ? '' : `(${detail})`);
  }
}
