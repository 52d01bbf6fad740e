import type { DashboardModel } from '../../shared/protocol/dashboardMessages.ts';
import type { CardContext } from './card.ts';
import { element, setAttribute, setHidden, setText } from './dom.ts';
import { Icon } from './icon.ts';
import { LateProgress } from './lateProgress.ts';

/** Overall health, and the one thing to do about it. */
export class Header {
  readonly root: HTMLElement;
  readonly #icon = new Icon();
  readonly #sentence: HTMLElement;
  readonly #count = element('p', { class: 'count' });
  readonly #button: HTMLButtonElement;

  readonly #asked: LateProgress;
  /** Until the host has told anything. */
  readonly #loading: LateProgress;

  constructor(
    title: string,
    { words, asks, clock }: Pick<CardContext, 'words' | 'asks' | 'clock'>,
    onGoToEvents: () => void,
  ) {
    this.#asked = new LateProgress(clock);
    this.#loading = new LateProgress(clock, { isSaid: true });
    this.#loading.update(words.loading);
    const events = element('button', { type: 'button', class: 'link' }, words.goToEvents);
    events.addEventListener('click', onGoToEvents);
    this.#sentence = element('span', {}, words.loading);
    this.#button = element('button', { type: 'button' }, words.recoverAll);
    this.#button.hidden = true;
    this.#button.addEventListener('click', () => {
      this.#asked.update(words.underWay);
      asks.ask({ kind: 'forceRecoveryAll' }, () => this.#asked.update(undefined));
    });
    this.root = element(
      'header',
      {},
      element('h1', { class: 'spoken' }, title),
      element('p', { class: 'health' }, this.#icon.root, this.#sentence),
      this.#count,
      this.#button,
      events,
      this.#loading.root,
      this.#asked.root,
    );
    this.#icon.update('pulse');
  }

  update({ tone, icon, sentence, count, canRecoverAll }: DashboardModel): void {
    this.#loading.update(undefined);
    setAttribute(this.root, 'class', tone);
    this.#icon.update(icon);
    setText(this.#sentence, sentence);
    setText(this.#count, count);
    setHidden(this.#count, count === '');
    setHidden(this.#button, !canRecoverAll);
  }
}
