import type uPlot from 'uplot';
import type { HistoryPoint, PageWords } from '../../shared/protocol/dashboardData.ts';
import type { Moments } from '../moments.ts';
import type { FrameQueue } from '../frameQueue.ts';
import type { KnownHistory } from '../historyStore.ts';
import { forgetVisibility, watchVisibility } from '../visibility.ts';
import { drawing, element, setAttribute, setHidden, setText } from './dom.ts';
import { Plot } from './plot.ts';
import { writeMs } from './units.ts';
import { plotData } from './plotData.ts';
import { breakerPaths, statePaths, STRIP_HEIGHT, STRIP_WIDTH, type StripTime } from './strips.ts';
import { themeColors } from './theme.ts';

const HEIGHT = 96;

export interface ServerGraphContext {
  readonly words: PageWords;
  readonly moments: Moments;
  readonly queue: FrameQueue;
}

/** A server over time: latency as lines, and its states and its breaker as strips below. */
export class ServerGraph {
  readonly root: HTMLElement;
  readonly #words: PageWords;
  readonly #moments: Moments;
  readonly #queue: FrameQueue;
  readonly #current = element('span', { class: 'figures' });
  readonly #empty = element('p', { class: 'empty' });
  readonly #start = element('span');
  /** Lines and strips together are one picture, with one text. */
  readonly #picture: HTMLElement;
  readonly #over: HTMLElement;
  readonly #plot: Plot;
  readonly #state: Strip;
  readonly #breaker: Strip;
  #points: readonly HistoryPoint[] = [];
  #hasFigures = false;
  #hasCalls = false;
  #isKnown = false;
  #isVisible = false;
  /** What is to be drawn as soon as somebody can see it. */
  #undrawn: KnownHistory | undefined;

  constructor({ words, moments, queue }: ServerGraphContext) {
    this.#words = words;
    this.#moments = moments;
    this.#queue = queue;
    this.#plot = new Plot({
      queue,
      height: HEIGHT,
      lines: [
        { color: () => themeColors().first, isDashed: false },
        { color: () => themeColors().muted, isDashed: true },
      ],
      write: writeMs,
      under: (plot) => this.#drawMarks(plot),
      bounds: () => [],
    });
    this.#state = new Strip(words.state, ['usable', 'down', 'unused']);
    this.#breaker = new Strip(words.breaker, ['closed', 'halfOpen', 'open', 'isolated']);
    const scale = element(
      'div',
      { class: 'scale', 'aria-hidden': 'true' },
      this.#start,
      element('span', {}, words.windowEnd),
    );
    this.#over = element('div', { class: 'over-time' }, this.#state.root, this.#breaker.root, scale);
    this.#picture = element('div', { class: 'picture', role: 'img' }, this.#plot.root, this.#over);
    this.root = element(
      'div',
      { class: 'latency' },
      element('p', { class: 'heading' }, element('span', { class: 'label' }, words.latency), this.#current),
      this.#picture,
      this.#empty,
    );
    setText(this.#empty, words.noCallsLately);
    watchVisibility(this.root, (isVisible) => {
      this.#isVisible = isVisible;
      this.#expect();
    });
    this.#show();
  }

  /** @param figures the current p50 and p95 as words, or that there is none */
  updateFigures(figures: string, hasFigures: boolean): void {
    setText(this.#current, figures);
    this.#hasFigures = hasFigures;
    this.#show();
  }

  /** Its text is brought up to date at once, its drawing when it can be seen. */
  updateHistory(server: string, history: KnownHistory): void {
    const { points, summary } = history.of(server);
    this.#isKnown = history.isKnown;
    this.#points = points;
    this.#hasCalls = points.some(({ p50Ms, failures }) => p50Ms !== undefined || failures > 0);
    this.#show();
    const text = `${this.#words.latency}, ${this.#words.state}, ${this.#words.breaker}: ${summary}`;
    setAttribute(this.#picture, 'aria-label', text);
    this.#undrawn = history;
    this.#expect();
  }

  dispose(): void {
    forgetVisibility(this.root);
    this.#queue.remove(this);
    this.#plot.dispose();
  }

  #expect(): void {
    if (this.#isVisible && this.#undrawn !== undefined) this.#queue.add(this, () => this.#draw());
  }

  #draw(): void {
    const history = this.#undrawn;
    if (history === undefined) return;
    this.#undrawn = undefined;
    const { now, windowMs } = history;
    const points = this.#points;
    if (this.#hasCalls) this.#plot.update(plotData(points, history));
    const time: StripTime = { now, windowMs };
    this.#state.update(statePaths(points, time));
    this.#breaker.update(breakerPaths(points, time));
    setText(this.#start, this.#moments.axis(now - windowMs, windowMs));
  }

  #show(): void {
    setHidden(this.#plot.root, !this.#hasCalls);
    setHidden(this.#over, this.#points.length === 0);
    setHidden(this.#picture, this.#points.length === 0);
    // Without any call the figures say so already; and what is not known yet is not said.
    setHidden(this.#empty, this.#hasCalls || !this.#hasFigures || !this.#isKnown);
  }

  /** When calls failed. */
  #drawMarks(plot: uPlot): void {
    const { ctx, bbox } = plot;
    const size = 4 * devicePixelRatio;
    const bottom = bbox.top + bbox.height;
    ctx.save();
    ctx.fillStyle = themeColors().bad;
    for (const { at, ms, failures } of this.#points) {
      if (failures === 0) continue;
      const x = plot.valToPos((at - ms / 2) / 1_000, 'x', true);
      if (x < bbox.left || x > bbox.left + bbox.width) continue;
      ctx.beginPath();
      ctx.moveTo(x - size, bottom);
      ctx.lineTo(x + size, bottom);
      ctx.lineTo(x, bottom - 2 * size);
      ctx.fill();
    }
    ctx.restore();
  }
}

/** One line of blocks; its meaning is told by the text of the graph. */
class Strip {
  readonly root: HTMLElement;
  readonly #paths: ReadonlyMap<string, SVGPathElement>;

  constructor(label: string, names: readonly string[]) {
    this.#paths = new Map(names.map((name) => [name, drawing('path', { class: name })]));
    const svg = drawing(
      'svg',
      { viewBox: `0 0 ${STRIP_WIDTH} ${STRIP_HEIGHT}`, preserveAspectRatio: 'none' },
      ...this.#paths.values(),
    );
    this.root = element('div', { class: 'strip', 'aria-hidden': 'true' }, element('span', {}, label), svg);
  }

  update(paths: Readonly<Record<string, string>>): void {
    for (const [name, path] of this.#paths) setAttribute(path, 'd', paths[name] ?? '');
  }
}
