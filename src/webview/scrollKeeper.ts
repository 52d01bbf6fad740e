import type { Clock } from '../shared/base/clock.ts';
import type { Disposable } from '../shared/base/disposable.ts';
import type { Place } from './pageState.ts';

/** After the last movement; the editor may take the page away at any time. */
const KEEP_AFTER_MS = 100;
/** History and events come in parts: for so long the page goes back to its place whenever it grows. */
const RESTORE_FOR_MS = 10_000;

export interface ScrollKeeperOptions {
  readonly clock: Clock;
  readonly kept: Place;
  readonly keep: (place: Place) => void;
  /** What may be looked at, from the top to the bottom; none while there are no servers. */
  readonly landmarks: () => readonly Landmark[];
}

/** Where a place is measured from: a card, or the event log. */
export interface Landmark {
  readonly root: HTMLElement;
  /** Empty: the event log. */
  readonly server: string;
}

/**
 * Keeps what a person looks at, and goes back there when the page is made anew: the editor throws a page away that is hidden. The place is told by a
 * card rather than by pixels of the whole page, because others above it may have grown or gone.
 */
export class ScrollKeeper {
  readonly #options: ScrollKeeperOptions;
  readonly #page: HTMLElement;
  #target: Place | undefined;
  #timer: Disposable | undefined;

  /** @param page the element that grows with what it shows */
  constructor(page: HTMLElement, options: ScrollKeeperOptions) {
    this.#page = page;
    this.#options = options;
    const { kept, clock } = options;
    addEventListener('scroll', () => this.#expect(), { passive: true });
    if (kept.offset === 0 && kept.server === '' && !kept.isEvents) return;
    this.#target = kept;
    const sizes = new ResizeObserver(() => this.#restore());
    sizes.observe(page);
    const end = (): void => {
      sizes.disconnect();
      this.#target = undefined;
    };
    // From then on it is the person who scrolls.
    for (const name of ['wheel', 'pointerdown', 'keydown', 'touchstart'])
      addEventListener(name, end, { passive: true, once: true, capture: true });
    clock.setTimer(RESTORE_FOR_MS, end);
  }

  #restore(): void {
    const place = this.#target;
    if (place === undefined) return;
    const landmark = this.#options
      .landmarks()
      .find(({ server }) => (place.isEvents ? server === '' : server === place.server));
    const isOfPage = place.server === '' && !place.isEvents;
    const root = isOfPage ? this.#page : landmark?.root;
    // The card is not there yet, or not any more.
    if (root === undefined || root.offsetParent === null) return;
    const top = isOfPage ? 0 : root.getBoundingClientRect().top + scrollY;
    scrollTo({ top: top + place.offset, behavior: 'instant' });
  }

  #expect(): void {
    // What the page does by itself on its way back is nobody's wish.
    if (this.#target !== undefined) return;
    this.#timer?.dispose();
    this.#timer = this.#options.clock.setTimer(KEEP_AFTER_MS, () => this.#options.keep(this.#place()));
  }

  #place(): Place {
    let found: Place = { server: '', isEvents: false, offset: Math.round(scrollY) };
    for (const { root, server } of this.#options.landmarks()) {
      const { top, height } = root.getBoundingClientRect();
      if (height === 0 || top > 0) continue;
      found = { server, isEvents: server === '', offset: Math.round(-top) };
    }
    return found;
  }
}
