import { drawing, setAttribute } from './dom.ts';

/** Own drawings for the codicons that the host names, in a square of 16: the editor's icon font is not in this page. */
const shapes: Readonly<Record<string, string>> = {
  'pass-filled': 'M8 1.5a6.5 6.5 0 1 1 0 13a6.5 6.5 0 0 1 0-13ZM4.7 8.2l2.4 2.4 4.2-4.8',
  'circle-outline': 'M8 2a6 6 0 1 1 0 12a6 6 0 0 1 0-12Z',
  // With a gap: turning a whole circle shows nothing.
  loading: 'M14 8a6 6 0 1 1-6-6',
  sync: 'M13.5 8a5.5 5.5 0 0 1-9.6 3.7M2.5 8a5.5 5.5 0 0 1 9.6-3.7M12.4 1.5v3h-3M3.6 14.5v-3h3',
  warning: 'M8 2 14.5 13.5h-13ZM8 6.2v3.6M8 11.6v.1',
  error: 'M8 2a6 6 0 1 1 0 12a6 6 0 0 1 0-12ZM5.6 5.6l4.8 4.8M10.4 5.6l-4.8 4.8',
  'debug-pause': 'M5.5 3v10M10.5 3v10',
  'circle-slash': 'M8 2a6 6 0 1 1 0 12a6 6 0 0 1 0-12ZM3.8 12.2l8.4-8.4',
  shield: 'M8 1.8l5.2 2v4c0 3.2-2.2 5.4-5.2 6.6c-3-1.2-5.2-3.4-5.2-6.6v-4Z',
  pulse: 'M1 8.5h3.2L6.4 3l3.4 10 2-4.5H15',
  info: 'M8 2a6 6 0 1 1 0 12a6 6 0 0 1 0-12ZM8 7.3v4M8 4.9v.1',
};

/** Whether the page has a drawing of its own for a codicon; without one it shows a circle. */
export function isDrawn(name: string): boolean {
  return Object.hasOwn(shapes, name.split('~')[0] ?? '');
}

/** An icon that words stand beside: a screen reader passes over it. */
export class Icon {
  readonly root = drawing('svg', { class: 'icon', viewBox: '0 0 16 16', 'aria-hidden': 'true' });
  readonly #path = drawing('path');

  constructor() {
    this.root.append(this.#path);
  }

  /** @param name a codicon's name, with `~spin` for one that turns */
  update(name: string): void {
    const [shape = '', modifier] = name.split('~');
    setAttribute(this.#path, 'd', shapes[shape] ?? shapes['circle-outline']);
    setAttribute(this.root, 'class', modifier === 'spin' ? 'icon spin' : 'icon');
  }
}
