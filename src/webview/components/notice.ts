import type { DashboardNotice } from '../../shared/protocol/dashboardMessages.ts';
import type { CardContext } from './card.ts';
import { element, setAttribute, setHidden, setText, type Item } from './dom.ts';
import { Icon } from './icon.ts';
import { LateProgress } from './lateProgress.ts';
import { MomentText } from './momentText.ts';

/** Something about the whole window, with what can be done. */
export class Notice implements Item<DashboardNotice> {
  readonly root: HTMLElement;
  readonly #icon = new Icon();
  readonly #text = element('p', { class: 'text' });
  readonly #next: MomentText;
  readonly #button = element('button', { type: 'button' });
  readonly #asked: LateProgress;
  #action: DashboardNotice['action'];

  constructor({ asks, moments, words, clock }: Pick<CardContext, 'asks' | 'moments' | 'words' | 'clock'>) {
    this.#asked = new LateProgress(clock);
    this.#next = new MomentText(moments, 'next');
    this.#button.addEventListener('click', () => {
      if (this.#action === undefined) return;
      this.#asked.update(words.underWay);
      asks.ask({ kind: 'notice', action: this.#action.id }, () => this.#asked.update(undefined));
    });
    const body = element(
      'div',
      {},
      this.#text,
      element('p', {}, this.#next.root),
      this.#button,
      this.#asked.root,
    );
    this.root = element('div', {}, this.#icon.root, body);
  }

  update({ tone, icon, text, next, action }: DashboardNotice): void {
    setAttribute(this.root, 'class', `notice ${tone}`);
    this.#icon.update(icon);
    setText(this.#text, text);
    this.#next.update(next);
    this.#action = action;
    setHidden(this.#button, action === undefined);
    setText(this.#button, action?.label ?? '');
  }

  dispose(): void {
    this.#asked.dispose();
  }

  tick(now: number): void {
    this.#next.tick(now);
  }
}
