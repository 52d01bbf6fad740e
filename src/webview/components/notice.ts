import type { DashboardNotice } from '../../shared/protocol/dashboardMessages.ts';
import type { CardContext } from './card.ts';
import { element, setAttribute, setText, type Item } from './dom.ts';
import { Icon } from './icon.ts';
import { MomentText } from './momentText.ts';

/** Something about the whole window, with what can be done. */
export class Notice implements Item<DashboardNotice> {
  readonly root: HTMLElement;
  readonly #icon = new Icon();
  readonly #text = element('p', { class: 'text' });
  readonly #next: MomentText;
  readonly #button = element('button', { type: 'button' });
  #action: DashboardNotice['action'];

  constructor({ send, moments }: Pick<CardContext, 'send' | 'moments'>) {
    this.#next = new MomentText(moments, 'next');
    this.#button.addEventListener('click', () => {
      if (this.#action !== undefined) send({ kind: 'notice', action: this.#action.id });
    });
    const body = element('div', {}, this.#text, element('p', {}, this.#next.root), this.#button);
    this.root = element('div', {}, this.#icon.root, body);
  }

  update({ tone, icon, text, next, action }: DashboardNotice): void {
    setAttribute(this.root, 'class', `notice ${tone}`);
    this.#icon.update(icon);
    setText(this.#text, text);
    this.#next.update(next);
    this.#action = action;
    this.#button.hidden = action === undefined;
    setText(this.#button, action?.label ?? '');
  }

  tick(now: number): void {
    this.#next.tick(now);
  }
}
