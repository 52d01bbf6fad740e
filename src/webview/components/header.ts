import type { DashboardModel } from '../../shared/protocol/dashboardMessages.ts';
import type { CardContext } from './card.ts';
import { element, setAttribute, setText } from './dom.ts';
import { Icon } from './icon.ts';

/** Overall health, and the one thing to do about it. */
export class Header {
  readonly root: HTMLElement;
  readonly #icon = new Icon();
  readonly #sentence: HTMLElement;
  readonly #count = element('p', { class: 'count' });
  readonly #button: HTMLButtonElement;

  constructor(title: string, { words, send }: Pick<CardContext, 'words' | 'send'>, onGoToEvents: () => void) {
    const events = element('button', { type: 'button', class: 'link' }, words.goToEvents);
    events.addEventListener('click', onGoToEvents);
    this.#sentence = element('span', {}, words.loading);
    this.#button = element('button', { type: 'button' }, words.recoverAll);
    this.#button.hidden = true;
    this.#button.addEventListener('click', () => send({ kind: 'forceRecoveryAll' }));
    this.root = element(
      'header',
      {},
      element('h1', { class: 'spoken' }, title),
      element('p', { class: 'health' }, this.#icon.root, this.#sentence),
      this.#count,
      this.#button,
      events,
    );
    this.#icon.update('pulse');
  }

  update({ tone, icon, sentence, count, canRecoverAll }: DashboardModel): void {
    setAttribute(this.root, 'class', tone);
    this.#icon.update(icon);
    setText(this.#sentence, sentence);
    setText(this.#count, count);
    this.#count.hidden = count === '';
    this.#button.hidden = !canRecoverAll;
  }
}
