import type { DashboardHistory, PageWords } from '../../shared/protocol/dashboardMessages.ts';
import { drawing, element, setAttribute, setText } from './dom.ts';
import { GRAPH_HEIGHT, GRAPH_WIDTH, graphPaths } from './graphPaths.ts';

/** Latency over the last minutes: the figures as words, and p50 and p95 as lines. */
export class LatencyGraph {
  readonly root: HTMLElement;
  readonly #words: PageWords;
  readonly #current = element('span', { class: 'figures' });
  readonly #max = element('span', { class: 'max' });
  readonly #empty = element('p', { class: 'empty' });
  readonly #svg: SVGSVGElement;
  readonly #plot: HTMLElement;
  readonly #down = drawing('path', { class: 'down' });
  readonly #p95 = drawing('path', { class: 'line p95', 'vector-effect': 'non-scaling-stroke' });
  readonly #p50 = drawing('path', { class: 'line p50', 'vector-effect': 'non-scaling-stroke' });
  readonly #failures = drawing('path', { class: 'line failures', 'vector-effect': 'non-scaling-stroke' });
  #hasFigures = false;
  #hasPoints = false;

  constructor(words: PageWords) {
    this.#words = words;
    this.#svg = drawing(
      'svg',
      {
        class: 'graph',
        role: 'img',
        viewBox: `0 0 ${GRAPH_WIDTH} ${GRAPH_HEIGHT}`,
        preserveAspectRatio: 'none',
      },
      this.#down,
      this.#p95,
      this.#p50,
      this.#failures,
    );
    const scale = element(
      'div',
      { class: 'scale', 'aria-hidden': 'true' },
      element('span', {}, words.windowStart),
      this.#max,
      element('span', {}, words.windowEnd),
    );
    this.#plot = element('div', { class: 'plot' }, this.#svg, scale);
    this.root = element(
      'div',
      { class: 'latency' },
      element('p', { class: 'heading' }, element('span', { class: 'label' }, words.latency), this.#current),
      this.#plot,
      this.#empty,
    );
    this.#show();
  }

  /** @param figures the current p50 and p95 as words, or that there is none */
  updateFigures(figures: string, hasFigures: boolean): void {
    setText(this.#current, figures);
    this.#hasFigures = hasFigures;
    this.#show();
  }

  updateHistory(server: string, history: DashboardHistory): void {
    const own = history.servers.find(({ name }) => name === server);
    const points = own?.points ?? [];
    this.#hasPoints = points.some(({ p50Ms, hasFailures }) => p50Ms !== undefined || hasFailures);
    const paths = graphPaths(points, own?.maxMs ?? 0, history);
    for (const name of ['p50', 'p95', 'failures', 'down'] as const) {
      setAttribute(this.#pathOf(name), 'd', paths[name]);
    }
    setAttribute(this.#svg, 'aria-label', `${this.#words.latency}: ${own?.summary ?? ''}`);
    setText(this.#max, own === undefined || own.maxMs === 0 ? '' : `p95 ≤ ${own.maxWords}`);
    this.#show();
  }

  #pathOf(name: 'p50' | 'p95' | 'failures' | 'down'): SVGPathElement {
    return { p50: this.#p50, p95: this.#p95, failures: this.#failures, down: this.#down }[name];
  }

  #show(): void {
    this.#plot.hidden = !this.#hasPoints;
    // Without any call the figures say so already.
    this.#empty.hidden = this.#hasPoints || !this.#hasFigures;
    setText(this.#empty, this.#words.noCallsLately);
  }
}
