import uPlot from 'uplot';
import type { FrameQueue } from '../frameQueue.ts';
import { forgetVisibility, watchVisibility } from '../visibility.ts';
import { element } from './dom.ts';
import { forgetThemeListener, onThemeChange, themeColors } from './theme.ts';

/** Left of the drawing, for the figures of the scale; the strips below a graph begin there too (`--gutter` of the style sheet). */
const GUTTER = 58;
const PADDING_RIGHT = 4;

export interface PlotLine {
  readonly color: () => string;
  readonly isDashed: boolean;
  readonly width?: number;
}

export interface PlotOptions {
  readonly height: number;
  readonly lines: readonly PlotLine[];
  /** Writes the figures of the scale. */
  readonly write: (value: number) => string;
  /** Draws what is no line, below the lines. */
  readonly under?: (plot: uPlot) => void;
  /** What the scale has to show in any case. */
  readonly bounds: () => readonly number[];
  /** Where it waits for its turn to be drawn. */
  readonly queue: FrameQueue;
}

/** Values of the x axis in ascending order (milliseconds), and those of each line; `null` is a gap. */
export interface PlotData {
  readonly from: number;
  readonly to: number;
  readonly at: readonly number[];
  readonly lines: readonly (readonly (number | null)[])[];
}

// Its widths are there without a layout: to ask an element for its own would make the browser lay out the page for each graph.
const sized = new ResizeObserver((entries) => {
  for (const { target, contentRect } of entries) plots.get(target)?.resize(contentRect.width);
});
const plots = new WeakMap<Element, Plot>();

/** A graph over time, drawn by uPlot only while it can be seen. Whoever shows it gives it a text, for screen readers. */
export class Plot {
  readonly root = element('div', { class: 'plot' });
  readonly #options: PlotOptions;
  readonly #onTheme = (): void => this.#redraw();
  #plot: uPlot | undefined;
  #data: PlotData = { from: 0, to: 1, at: [], lines: [] };
  #isVisible = false;
  #isDrawn = false;
  #width = 0;

  constructor(options: PlotOptions) {
    this.#options = options;
    plots.set(this.root, this);
    watchVisibility(this.root, (isVisible) => this.#setVisible(isVisible));
    sized.observe(this.root);
    onThemeChange(this.#onTheme);
  }

  update(data: PlotData): void {
    this.#data = data;
    this.#isDrawn = false;
    this.#expect();
  }

  #setVisible(isVisible: boolean): void {
    this.#isVisible = isVisible;
    this.#expect();
  }

  resize(width: number): void {
    const rounded = Math.floor(width);
    // A graph that is hidden has none; it keeps its drawing for when it is shown again.
    if (rounded === 0 || rounded === this.#width) return;
    this.#width = rounded;
    this.#plot?.setSize({ width: rounded, height: this.#options.height });
    this.#expect();
  }

  /** Its card has gone. */
  dispose(): void {
    forgetVisibility(this.root);
    sized.unobserve(this.root);
    forgetThemeListener(this.#onTheme);
    this.#options.queue.remove(this);
    this.#plot?.destroy();
    this.#plot = undefined;
    this.#isVisible = false;
  }

  #redraw(): void {
    if (this.#plot === undefined) return;
    this.#plot.destroy();
    this.#plot = undefined;
    this.#isDrawn = false;
    this.#expect();
  }

  #expect(): void {
    if (!this.#isVisible || this.#isDrawn || this.#width === 0) return;
    this.#options.queue.add(this, () => this.#draw());
  }

  #draw(): void {
    if (!this.#isVisible || this.#isDrawn) return;
    this.#isDrawn = true;
    const { at, lines } = this.#data;
    const data = [at.map((ms) => ms / 1_000), ...lines] as uPlot.AlignedData;
    if (this.#plot === undefined) this.#plot = new uPlot(this.#settings(this.#width), data, this.root);
    else this.#plot.setData(data);
  }

  #settings(width: number): uPlot.Options {
    const { height, lines, write, under, bounds } = this.#options;
    return {
      width,
      height,
      legend: { show: false },
      cursor: { show: false },
      padding: [6, PADDING_RIGHT, 8, 0],
      scales: {
        x: { time: true, range: () => [this.#data.from / 1_000, this.#data.to / 1_000] },
        y: { range: (_plot, min, max) => scaleOf([min, max, ...bounds()]) },
      },
      axes: [
        { show: false },
        {
          size: GUTTER,
          font: themeColors().font,
          stroke: () => themeColors().muted,
          // Thin and dotted: in high contrast its colour is as strong as that of the lines.
          grid: { stroke: () => themeColors().muted, width: 0.5, dash: [1, 4] },
          ticks: { show: false },
          gap: 4,
          space: 26,
          values: (_plot, values) => values.map(write),
        },
      ],
      series: [
        {},
        ...lines.map(({ color, isDashed, width: lineWidth = 1.5 }): uPlot.Series => ({
          stroke: color,
          width: lineWidth,
          ...(isDashed ? { dash: [4, 3] } : {}),
          spanGaps: false,
          points: { show: true, size: 4, filter: lonely },
        })),
      ],
      hooks: under === undefined ? {} : { drawAxes: [under] },
    };
  }
}

/** A value between two gaps has no line: it is shown as a point. */
function lonely(plot: uPlot, series: number): number[] {
  const values = plot.data[series] ?? [];
  const found: number[] = [];
  for (let index = 0; index < values.length; index += 1) {
    if (values[index] == null) continue;
    if (values[index - 1] == null && values[index + 1] == null) found.push(index);
  }
  return found;
}

/** From 0 on, unless there is less, with some room above. */
function scaleOf(values: readonly (number | null)[]): [number, number] {
  const numbers = values.filter((value): value is number => value !== null && Number.isFinite(value));
  const low = Math.min(0, ...numbers);
  const high = Math.max(low, ...numbers);
  const room = (high - low) * 0.1;
  return high === low ? [low, low + 1] : [low < 0 ? low - room : 0, high + room];
}
