import { element } from './dom.ts';

let lastId = 0;

/** A list to choose from, with its label. */
export class Choice {
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
