/** The few things that components do to the page. Text goes in as text, never as markup. */

const SVG = 'http://www.w3.org/2000/svg';

type Attributes = Readonly<Record<string, string>>;

export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

export function drawing<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Node[]
): SVGElementTagNameMap[K] {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** Touches the page only when something differs, so that neither selection nor screen reader is disturbed. */
export function setText(node: Element, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

export function setAttribute(node: Element, name: string, value: string | undefined): void {
  if (value === undefined) node.removeAttribute(name);
  else if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

/** The same: an attribute that is written again is a change, whatever it says. */
export function setHidden(node: HTMLElement, isHidden: boolean): void {
  if (node.hidden !== isHidden) node.hidden = isHidden;
}

/** What a list is made of: it stays the same object while what it shows changes. */
export interface Item<T> {
  readonly root: HTMLElement;
  update(value: T): void;
  /** It was taken off the page. */
  dispose?(): void;
}

/**
 * Brings a parent's children in line with a list. Known items are kept and not moved without need: moving an element
 * takes the keyboard focus away from it.
 */
export class KeyedList<T> {
  readonly #parent: HTMLElement;
  readonly #keyOf: (value: T) => string;
  readonly #make: (value: T) => Item<T>;
  readonly #items = new Map<string, Item<T>>();

  constructor(parent: HTMLElement, keyOf: (value: T) => string, make: (value: T) => Item<T>) {
    this.#parent = parent;
    this.#keyOf = keyOf;
    this.#make = make;
  }

  item(key: string): Item<T> | undefined {
    return this.#items.get(key);
  }

  /** @param changed keys of those that differ from what is shown; all when absent */
  update(values: readonly T[], changed?: ReadonlySet<string>): void {
    const keys = new Set(values.map(this.#keyOf));
    for (const [key, item] of [...this.#items]) {
      if (keys.has(key)) continue;
      item.root.remove();
      item.dispose?.();
      this.#items.delete(key);
    }
    let next = this.#parent.firstElementChild;
    for (const value of values) {
      const key = this.#keyOf(value);
      let item = this.#items.get(key);
      if (item === undefined) {
        item = this.#make(value);
        this.#items.set(key, item);
        item.update(value);
      } else if (changed?.has(key) !== false) item.update(value);
      if (item.root === next) next = next.nextElementSibling;
      else this.#parent.insertBefore(item.root, next);
    }
  }
}
