import type { Phrase } from '../../shared/protocol/dashboardMessages.ts';
import type { Moments } from '../moments.ts';
import { element, setAttribute, setHidden, setText } from './dom.ts';

/** A phrase whose moment goes on by itself. */
export class MomentText {
  readonly root: HTMLElement;
  readonly #moments: Moments;
  #phrase: Phrase | undefined;
  #now = 0;
  #exactAt: number | undefined;

  constructor(moments: Moments, className: string) {
    this.#moments = moments;
    this.root = element('span', { class: className });
    this.root.hidden = true;
  }

  update(phrase: Phrase | undefined): void {
    this.#phrase = phrase;
    setHidden(this.root, phrase === undefined);
    this.tick(this.#now);
  }

  /** The exact time, for whoever wants to compare it with a log. */
  #exactOf(at: number | undefined): void {
    if (at === this.#exactAt) return;
    this.#exactAt = at;
    setAttribute(this.root, 'title', at === undefined ? undefined : this.#moments.clock(at, this.#now));
  }

  tick(now: number): void {
    // Not told yet: the first tick follows.
    if (now === 0) return;
    this.#now = now;
    this.#exactOf(this.#phrase?.at);
    setText(this.root, this.#phrase === undefined ? '' : this.#moments.words(this.#phrase, now));
  }
}
