import type { Clock } from '../../shared/base/clock.ts';
import {
  MAX_PAGE_EVENTS,
  type DashboardEvent,
  type DashboardEvents,
  type PageWords,
} from '../../shared/protocol/dashboardData.ts';
import type { Moments } from '../moments.ts';
import { ROWS, type PageState } from '../pageState.ts';
import { element, KeyedList, setHidden, setText } from './dom.ts';
import { Choice } from './choice.ts';
import { EventRow } from './eventRow.ts';
import { LateProgress } from './lateProgress.ts';

export type EventFilter = Pick<PageState, 'server' | 'kind' | 'text'>;

export interface EventLogOptions {
  readonly words: PageWords;
  readonly moments: Moments;
  readonly clock: Clock;
  /** As it was left. */
  readonly kept: EventFilter & Pick<PageState, 'rows'>;
  readonly onChange: (changed: Partial<PageState>) => void;
}

/** What happened, the newest first. Only what a person reads is on the page; the rest is searched (decision 0093). */
export class EventLog {
  readonly root: HTMLElement;
  readonly #options: EventLogOptions;
  readonly #events = new Map<number, DashboardEvent>();
  #newestFirst: DashboardEvent[] = [];
  #isSorted = true;
  readonly #title: HTMLElement;
  readonly #server: Choice;
  readonly #kind: Choice;
  readonly #text: HTMLInputElement;
  readonly #count = element('p', { class: 'count' });
  /** How many a filter finds is spoken; that one more has come is not. */
  readonly #spoken = element('p', { class: 'spoken', role: 'status' });
  readonly #list = element('ol', { class: 'event-list' });
  readonly #rows: KeyedList<DashboardEvent>;
  readonly #progress: LateProgress;
  readonly #empty = element('p', { class: 'empty' });
  readonly #more = element('button', { type: 'button', class: 'secondary' });
  #filter: EventFilter;
  #limit: number;
  #names: readonly string[] = [];
  #now = 0;
  #isScheduled = false;
  /** What the host has to tell is told. */
  #isTold: 'notYet' | 'whole' | 'missing' = 'notYet';

  constructor(options: EventLogOptions) {
    const { words, kept, moments, clock } = options;
    this.#options = options;
    // A kind that another version knew would hide everything, and could not be seen in the list of kinds.
    this.#filter = { ...kept, kind: Object.hasOwn(words.kinds, kept.kind) ? kept.kind : '' };
    this.#limit = kept.rows;
    this.#title = element('h2', { id: 'events', tabindex: '-1' }, words.events);
    this.#server = new Choice(words.server, () => this.#choose());
    this.#kind = new Choice(words.kind, () => this.#choose());
    this.#kind.update(words.allKinds, Object.entries(words.kinds), this.#filter.kind);
    this.#text = element('input', { type: 'search', id: 'event-text', maxlength: '256' });
    this.#text.value = kept.text;
    this.#text.addEventListener('input', () => this.#choose());
    this.#rows = new KeyedList(
      this.#list,
      ({ id }) => String(id),
      () => new EventRow(words, (at) => moments.clock(at, this.#now)),
    );
    this.#progress = new LateProgress(clock);
    this.#more.addEventListener('click', () => this.#showMore());
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
      this.#spoken,
      this.#progress.root,
      this.#list,
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
    const { moments, words } = this.#options;
    const isAnotherDay = this.#now !== 0 && !moments.isSameDay(this.#now, now);
    this.#now = now;
    // Times of yesterday are written with their day from now on.
    if (isAnotherDay) this.#render(true);
    if (JSON.stringify(names) === JSON.stringify(this.#names) && this.#server.isFilled) return;
    this.#names = names;
    const { server } = this.#filter;
    const all = server === '' || names.includes(server) ? names : [...names, server];
    this.#server.update(
      words.allServers,
      all.map((name) => [name, name] as const),
      server,
    );
  }

  update({ isDelta, events }: DashboardEvents): void {
    if (!isDelta) {
      this.#events.clear();
      this.#newestFirst = [];
    }
    for (const event of events) {
      // A repeated one comes again under its number; what comes in order can be put before the rest.
      if (this.#events.has(event.id) || event.id < (this.#newestFirst[0]?.id ?? -1)) this.#isSorted = false;
      this.#events.set(event.id, event);
      if (this.#isSorted) this.#newestFirst.unshift(event);
    }
    if (this.#events.size > 2 * MAX_PAGE_EVENTS) this.#sort();
    this.#expectRender();
  }

  /** @param isWhole whether all that there is was told; else the engine did not answer */
  updateTold(isWhole: boolean): void {
    this.#isTold = isWhole ? 'whole' : 'missing';
    this.#expectRender();
  }

  /** Thousands come in several messages one after the other. */
  #expectRender(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    requestAnimationFrame(() => {
      this.#isScheduled = false;
      this.#render();
    });
  }

  #choose(): void {
    this.#filter = { server: this.#server.value, kind: this.#kind.value, text: this.#text.value };
    this.#limit = ROWS;
    this.#options.onChange({ ...this.#filter, rows: this.#limit });
    this.#render();
    setText(this.#spoken, this.#count.hidden ? this.#empty.textContent : this.#count.textContent);
  }

  #showMore(): void {
    const shown = this.#list.childElementCount;
    this.#limit += ROWS;
    this.#options.onChange({ rows: this.#limit });
    this.#render();
    // There is nothing more to show: the keyboard goes on where the new ones begin.
    if (!this.#more.hidden) return;
    const next = this.#list.children.item(shown);
    if (!(next instanceof HTMLElement)) return;
    next.tabIndex = -1;
    next.focus({ preventScroll: true });
  }

  #sort(): void {
    if (!this.#isSorted) this.#newestFirst = [...this.#events.values()].sort((a, b) => b.id - a.id);
    this.#isSorted = true;
    for (const { id } of this.#newestFirst.splice(MAX_PAGE_EVENTS)) this.#events.delete(id);
  }

  /** @param isWhole also rows whose event is the same as before */
  #render(isWhole = false): void {
    const { words } = this.#options;
    this.#sort();
    const found = filterEvents(this.#newestFirst, this.#filter);
    const rows = found.slice(0, this.#limit);
    const changed = rows.filter((event) => {
      const row = this.#rows.item(String(event.id)) as EventRow | undefined;
      return row?.shown !== event;
    });
    this.#rows.update(rows, isWhole ? undefined : new Set(changed.map(({ id }) => String(id))));
    setText(
      this.#count,
      words.shownOf.replace('{0}', () => String(rows.length)).replace('{1}', () => String(found.length)),
    );
    setHidden(this.#count, found.length === 0);
    const isLoading = this.#isTold === 'notYet';
    this.#progress.update(isLoading ? words.loadingEvents : undefined);
    const isMissing = this.#isTold === 'missing' && this.#events.size === 0;
    setText(this.#empty, isMissing ? words.noEventsTold : words.noEvents);
    setHidden(this.#empty, found.length > 0 || isLoading);
    const rest = Math.min(ROWS, found.length - rows.length);
    setHidden(this.#more, rest === 0);
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
