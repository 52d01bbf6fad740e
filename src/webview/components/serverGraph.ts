import type uPlot from 'uplot';
import type { HistoryPoint, PageWords } from '../../shared/protocol/dashboardData.ts';
import type { Moments } from '../moments.ts';
import type { KnownHistory } from '../historyStore.ts';
import { drawing, element, setAttribute, setText } from './dom.ts';
import { Plot } from './plot.ts';
import { plotData } from './plotData.ts';
import { breakerPaths, statePaths, STRIP_HEIGHT, STRIP_WIDTH, type StripTime } from './strips.ts';
import { themeColors } from './theme.ts';

const HEIGHT = 96;

/** A server over time: latency as lines, and its states and its breaker as strips below. */
export class ServerGraph {
  readonly root: HTMLElement;
  readonly #words: PageWords;
  readonly #moments: Moments;
  readonly #current = element('span', { class: 'figures' });
  readonly #empty = element('p', { class: 'empty' });
  readonly #start = element('span');
  readonly #over: HTMLElement;
  readonly #plot: Plot;
  readonly #state: Strip;
  readonly #breaker: Strip;
  #points: readonly HistoryPoint[] = [];
  #hasFigures = false;
  #hasCalls = false;

  constructor(words: PageWords, moments: Moments) {
    this.#words = words;
    this.#moments = moments;
    this.#plot = new Plot({
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
    this.root = element(
      'div',
      { class: 'latency' },
      element('p', { class: 'heading' }, element('span', { class: 'label' }, words.latency), this.#current),
      this.#plot.root,
      this.#empty,
      this.#over,
    );
    setText(this.#empty, words.noCallsLately);
    this.#show();
  }

  /** @param figures the current p50 and p95 as words, or that there is none */
  updateFigures(figures: string, hasFigures: boolean): void {
    setText(this.#current, figures);
    this.#hasFigures = hasFigures;
    this.#show();
  }

  updateHistory(server: string, history: KnownHistory): void {
    const { points, summary } = history.of(server);
    const { now, windowMs } = history;
    this.#points = points;
    this.#hasCalls = points.some(({ p50Ms, failures }) => p50Ms !== undefined || failures > 0);
    this.#show();
    if (this.#hasCalls) this.#plot.update(plotData(points, history));
    const time: StripTime = { now, windowMs };
    this.#state.update(statePaths(points, time));
    this.#breaker.update(breakerPaths(points, time));
    const text = `${this.#words.latency}, ${this.#words.state}, ${this.#words.breaker}: ${summary}`;
    setAttribute(this.#plot.root, 'aria-label', text);
    setText(this.#start, this.#moments.axis(now - windowMs, windowMs));
  }

  dispose(): void {
    this.#plot.dispose();
  }

  #show(): void {
    this.#plot.root.hidden = !this.#hasCalls;
    this.#over.hidden = this.#points.length === 0;
    // Without any call the figures say so already.
    this.#empty.hidden = this.#hasCalls || !this.#hasFigures;
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

function writeMs(ms: number): string {
  return ms >= 1_000 ? `${Number((ms / 1_000).toFixed(2))} s` : `${Number(ms.toFixed(2))} ms`;
}
