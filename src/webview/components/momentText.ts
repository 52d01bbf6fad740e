import type { Phrase } from '../../shared/protocol/dashboardMessages.ts';
import type { Moments } from '../moments.ts';
import { element, setAttribute, setText } from './dom.ts';

/** A phrase whose moment goes on by itself. */
export class MomentText {
  readonly root: HTMLElement;
  readonly #moments: Moments;
  #phrase: Phrase | undefined;
  #now = 0;

  constructor(moments: Moments, className: string) {
    this.#moments = moments;
    this.root = element('span', { class: className });
    this.root.hidden = true;
  }

  update(phrase: Phrase | undefined): void {
    this.#phrase = phrase;
    this.root.hidden = phrase === undefined;
    // The exact time, for whoever wants to compare it with a log.
    setAttribute(
      this.root,
      'title',
      phrase?.at === undefined ? undefined : new Date(phrase.at).toLocaleTimeString(),
    );
    this.tick(this.#now);
  }

  tick(now: number): void {
    this.#now = now;
    setText(this.root, this.#phrase === undefined ? '' : this.#moments.words(this.#phrase, now));
  }
}
