import type { DashboardEvent, PageWords } from '../../shared/protocol/dashboardData.ts';
import { element, setAttribute, setText, type Item } from './dom.ts';

/** One event. */
export class EventRow implements Item<DashboardEvent> {
  readonly root: HTMLElement;
  readonly #words: PageWords;
  readonly #clock: (at: number) => string;
  readonly #time = element('time');
  readonly #server = element('strong');
  readonly #kind = element('span', { class: 'kind' });
  readonly #text = element('span', { class: 'text' });
  /** What it was made of last. */
  shown: DashboardEvent | undefined;

  constructor(words: PageWords, clock: (at: number) => string) {
    this.#words = words;
    this.#clock = clock;
    this.root = element('li', {}, this.#time, ' ', this.#kind, ' ', this.#server, ' ', this.#text);
  }

  update(event: DashboardEvent): void {
    const { at, kind, server, tone, text } = event;
    this.shown = event;
    setAttribute(this.root, 'class', tone);
    setText(this.#time, this.#clock(at));
    setAttribute(this.#time, 'datetime', new Date(at).toISOString());
    setText(this.#server, server ?? '');
    // A later version of the host may know more kinds.
    setText(this.#kind, Object.hasOwn(this.#words.kinds, kind) ? this.#words.kinds[kind] : kind);
    setText(this.#text, text);
  }
}
