import type { Clock } from '../../shared/base/clock.ts';
import type { Disposable } from '../../shared/base/disposable.ts';
import { element, setAttribute, setText } from './dom.ts';

/** What is done sooner needs no sign; the promise is one second (requirements R12.3). */
const LATE_MS = 400;

/** Shows that something is under way, once it takes long enough to be noticed. */
export class LateProgress {
  readonly root: HTMLElement;
  readonly #clock: Clock;
  readonly #bar = element('div', { class: 'progress', role: 'progressbar' });
  readonly #text = element('span');
  #timer: Disposable | undefined;

  /** @param isSaid something beside it says what is under way */
  constructor(clock: Clock, { isSaid = false } = {}) {
    this.#clock = clock;
    this.#text.hidden = isSaid;
    this.root = element('div', { class: 'late' }, this.#bar, this.#text);
    this.root.hidden = true;
  }

  /** @param text what is under way; `undefined`: nothing any more */
  update(text: string | undefined): void {
    if (text === undefined) {
      this.#timer?.dispose();
      this.#timer = undefined;
      if (!this.root.hidden) this.root.hidden = true;
      return;
    }
    setText(this.#text, text);
    setAttribute(this.#bar, 'aria-label', text);
    if (!this.root.hidden) return;
    this.#timer ??= this.#clock.setTimer(LATE_MS, () => {
      this.#timer = undefined;
      this.root.hidden = false;
    });
  }

  dispose(): void {
    this.#timer?.dispose();
  }
}
