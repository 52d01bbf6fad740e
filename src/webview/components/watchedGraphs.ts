import type { DashboardWatched, PageWords, WatchedValue } from '../../shared/protocol/dashboardData.ts';
import type { FrameQueue } from '../frameQueue.ts';
import { element, KeyedList, setAttribute, setHidden, setText, type Item } from './dom.ts';
import { Plot, type PlotData } from './plot.ts';
import { themeColors } from './theme.ts';
import { writeNumber } from './units.ts';

const HEIGHT = 64;

interface WatchedGraphsContext {
  readonly words: PageWords;
  readonly queue: FrameQueue;
}

/** The values that a server is asked for now and then, each with its thresholds. */
export class WatchedGraphs {
  readonly root: HTMLElement;
  readonly #list = element('div', { class: 'watched-list' });
  readonly #graphs: KeyedList<WatchedValue>;
  #time = { now: 0, windowMs: 1 };

  constructor({ words, queue }: WatchedGraphsContext) {
    this.root = element('div', { class: 'watched' }, element('h3', {}, words.watched), this.#list);
    this.root.hidden = true;
    this.#graphs = new KeyedList(
      this.#list,
      ({ name }) => name,
      () => new WatchedGraph(() => this.#time, queue),
    );
  }

  update({ now, windowMs, values }: DashboardWatched): void {
    this.#time = { now, windowMs };
    setHidden(this.root, values.length === 0);
    this.#graphs.update(values);
  }

  dispose(): void {
    this.#graphs.update([]);
  }
}

class WatchedGraph implements Item<WatchedValue> {
  readonly root: HTMLElement;
  readonly #time: () => { readonly now: number; readonly windowMs: number };
  readonly #name = element('span', { class: 'label' });
  readonly #text = element('span');
  readonly #limits = element('p', { class: 'limits' });
  readonly #plot: Plot;
  #bounds: readonly number[] = [];

  constructor(time: () => { readonly now: number; readonly windowMs: number }, queue: FrameQueue) {
    this.#time = time;
    const threshold = { color: () => themeColors().bad, isDashed: true, width: 1 };
    this.#plot = new Plot({
      queue,
      height: HEIGHT,
      lines: [{ color: () => themeColors().first, isDashed: false }, threshold, threshold],
      write: (value) => writeNumber(Number(value.toPrecision(4))),
      bounds: () => this.#bounds,
    });
    this.#plot.root.setAttribute('role', 'img');
    this.root = element(
      'div',
      { class: 'watched-value' },
      element('p', { class: 'heading' }, this.#name, this.#text),
      this.#plot.root,
      this.#limits,
    );
  }

  update(value: WatchedValue): void {
    const { name, tone, text, summary, limits, min, max, points } = value;
    setText(this.#name, name);
    setText(this.#text, text);
    setAttribute(this.#text, 'class', `figures ${tone}`);
    this.#bounds = [min, max].filter((bound) => bound !== undefined);
    setHidden(this.#plot.root, points.length === 0);
    setAttribute(this.#plot.root, 'aria-label', `${name}: ${summary}`);
    setText(this.#limits, limits);
    setHidden(this.#limits, limits === '');
    this.#plot.update(watchedData(value, this.#time()));
  }

  dispose(): void {
    this.#plot.dispose();
  }
}

/** The samples, and a straight line for each threshold. */
function watchedData(
  { points, min, max }: WatchedValue,
  { now, windowMs }: { readonly now: number; readonly windowMs: number },
): PlotData {
  const from = now - windowMs;
  const at = [from, ...points.map((point) => point.at), Math.max(now, points.at(-1)?.at ?? now)];
  const flat = (bound: number | undefined): (number | null)[] => at.map(() => bound ?? null);
  const values = [null, ...points.map(({ value }) => value ?? null), null];
  return { from, to: now, at, lines: [values, flat(min), flat(max)] };
}
