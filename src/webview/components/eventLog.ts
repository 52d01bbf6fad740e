import {
  MAX_PAGE_EVENTS,
  type DashboardEvent,
  type DashboardEvents,
  type PageWords,
} from '../../shared/protocol/dashboardData.ts';
import type { Moments } from '../moments.ts';
import type { PageState } from '../pageState.ts';
import { element, KeyedList, setAttribute, setText, type Item } from './dom.ts';

/** Rows that are shown at first, and added each time that a person asks for more. */
const PAGE = 100;

export type EventFilter = Pick<PageState, 'server' | 'kind' | 'text'>;

export interface EventLogOptions {
  readonly words: PageWords;
  readonly moments: Moments;
  readonly filter: EventFilter;
  readonly onFilter: (filter: EventFilter) => void;
}

/** What happened, the newest first. Only what a person reads is on the page; the rest is searched. */
export class EventLog {
  readonly root: HTMLElement;
  readonly #options: EventLogOptions;
  readonly #events = new Map<number, DashboardEvent>();
  #newestFirst: DashboardEvent[] = [];
  readonly #title: HTMLElement;
  readonly #server: Choice;
  readonly #kind: Choice;
  readonly #text: HTMLInputElement;
  readonly #count = element('p', { class: 'count', role: 'status' });
  readonly #rows: KeyedList<DashboardEvent>;
  readonly #empty: HTMLElement;
  readonly #more = element('button', { type: 'button', class: 'secondary' });
  #filter: EventFilter;
  #limit = PAGE;
  #names: readonly string[] = [];
  #now = 0;
  #isScheduled = false;

  constructor(options: EventLogOptions) {
    const { words, filter, moments } = options;
    this.#options = options;
    this.#filter = filter;
    this.#title = element('h2', { id: 'events', tabindex: '-1' }, words.events);
    this.#server = new Choice(words.server, () => this.#choose());
    this.#kind = new Choice(words.kind, () => this.#choose());
    this.#kind.update(words.allKinds, Object.entries(words.kinds), filter.kind);
    this.#text = element('input', { type: 'search', id: 'event-text', maxlength: '256' });
    this.#text.value = filter.text;
    this.#text.addEventListener('input', () => this.#choose());
    const list = element('ol', { class: 'event-list' });
    this.#rows = new KeyedList(
      list,
      ({ id }) => String(id),
      () => new EventRow(words, (at) => moments.clock(at, this.#now)),
    );
    this.#empty = element('p', { class: 'empty' }, words.noEvents);
    this.#more.addEventListener('click', () => {
      this.#limit += PAGE;
      this.#render();
    });
    const search = element('label', { for: 'event-text' }, words.searchText);
    this.root = element(
      'section',
      { class: 'events', 'aria-labelledby': 'events' },
      this.#title,
      element(
        'div',
        { class: 'filter', role: 'search' },
        this.#server.root,
        this.#kind.root,
        element('div', { class: 'field' }, search, this.#text),
      ),
      this.#count,
      list,
      this.#empty,
      this.#more,
    );
    this.#render();
  }

  /** Leads there, also the keyboard. */
  show(): void {
    this.#title.scrollIntoView();
    this.#title.focus({ preventScroll: true });
  }

  /** The servers that there are. */
  updateServers(names: readonly string[], now: number): void {
    this.#now = now;
    if (JSON.stringify(names) === JSON.stringify(this.#names) && this.#server.isFilled) return;
    this.#names = names;
    const { server } = this.#filter;
    const all = server === '' || names.includes(server) ? names : [...names, server];
    this.#server.update(
      this.#options.words.allServers,
      all.map((name) => [name, name] as const),
      server,
    );
  }

  update({ isDelta, events }: DashboardEvents): void {
    if (!isDelta) this.#events.clear();
    let isSorted = isDelta;
    for (const event of events) {
      // A repeated one comes again under its number; what comes in order can be put before the rest.
      if (this.#events.has(event.id) || event.id < (this.#newestFirst[0]?.id ?? -1)) isSorted = false;
      this.#events.set(event.id, event);
      if (isSorted) this.#newestFirst.unshift(event);
    }
    if (!isSorted) this.#newestFirst = [...this.#events.values()].sort((a, b) => b.id - a.id);
    for (const { id } of this.#newestFirst.splice(MAX_PAGE_EVENTS)) this.#events.delete(id);
    // Thousands come in several messages one after the other.
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    requestAnimationFrame(() => {
      this.#isScheduled = false;
      this.#render();
    });
  }

  #choose(): void {
    this.#filter = { server: this.#server.value, kind: this.#kind.value, text: this.#text.value };
    this.#limit = PAGE;
    this.#options.onFilter(this.#filter);
    this.#render();
  }

  #render(): void {
    const { words } = this.#options;
    const found = filterEvents(this.#newestFirst, this.#filter);
    this.#rows.update(found.slice(0, this.#limit));
    const shown = Math.min(found.length, this.#limit);
    const of = words.shownOf.replace('{0}', () => String(shown));
    setText(
      this.#count,
      of.replace('{1}', () => String(found.length)),
    );
    this.#count.hidden = found.length === 0;
    this.#empty.hidden = found.length > 0;
    const rest = Math.min(PAGE, found.length - shown);
    this.#more.hidden = rest === 0;
    setText(
      this.#more,
      words.showMore.replace('{0}', () => String(rest)),
    );
  }
}

/** Those that a person wants to see. The text is looked for in names and words, whatever its case. */
export function filterEvents(
  events: readonly DashboardEvent[],
  { server, kind, text }: EventFilter,
): readonly DashboardEvent[] {
  const wanted = text.trim().toLowerCase();
  if (server === '' && kind === '' && wanted === '') return events;
  return events.filter(
    (event) =>
      (server === '' || event.server === server) &&
      (kind === '' || event.kind === kind) &&
      (wanted === '' || `${event.server ?? ''} ${event.text}`.toLowerCase().includes(wanted)),
  );
}

let lastId = 0;

/** A list to choose from, with its label. */
class Choice {
  readonly root: HTMLElement;
  readonly #select: HTMLSelectElement;
  isFilled = false;

  constructor(label: string, onChange: () => void) {
    lastId += 1;
    const id = `choice-${lastId}`;
    this.#select = element('select', { id });
    this.#select.addEventListener('change', onChange);
    this.root = element('div', { class: 'field' }, element('label', { for: id }, label), this.#select);
  }

  get value(): string {
    return this.#select.value;
  }

  update(all: string, options: readonly (readonly [string, string])[], chosen: string): void {
    this.isFilled = true;
    const made = [['', all] as const, ...options].map(([value, text]) => element('option', { value }, text));
    this.#select.replaceChildren(...made);
    this.#select.value = chosen;
  }
}

class EventRow implements Item<DashboardEvent> {
  readonly root: HTMLElement;
  readonly #words: PageWords;
  readonly #clock: (at: number) => string;
  readonly #time = element('time');
  readonly #server = element('strong');
  readonly #kind = element('span', { class: 'kind' });
  readonly #text = element('span', { class: 'text' });

  constructor(words: PageWords, clock: (at: number) => string) {
    this.#words = words;
    this.#clock = clock;
    this.root = element('li', {}, this.#time, ' ', this.#kind, ' ', this.#server, ' ', this.#text);
  }

  update({ at, kind, server, tone, text }: DashboardEvent): void {
    setAttribute(this.root, 'class', tone);
    setText(this.#time, this.#clock(at));
    setAttribute(this.#time, 'datetime', new Date(at).toISOString());
    setText(this.#server, server ?? '');
    setText(this.#kind, this.#words.kinds[kind]);
    setText(this.#text, text);
  }
}
