import { historyRanges, type HistoryRange, type PageWords } from '../../shared/protocol/dashboardData.ts';
import type { Clock } from '../../shared/base/clock.ts';
import { element, setHidden, setText } from './dom.ts';
import { LateProgress } from './lateProgress.ts';

export interface RangePickerOptions {
  readonly words: PageWords;
  readonly clock: Clock;
  readonly chosen: HistoryRange;
  readonly onChange: (range: HistoryRange) => void;
}

/** How much time the graphs show, and what their signs mean. */
export class RangePicker {
  readonly root: HTMLElement;
  readonly #words: PageWords;
  readonly #progress: LateProgress;
  readonly #missing = element('p', { class: 'empty', role: 'status' });

  constructor({ words, clock, chosen, onChange }: RangePickerOptions) {
    this.#words = words;
    this.#progress = new LateProgress(clock);
    const options = historyRanges.map((range) => {
      const input = element('input', { type: 'radio', name: 'range', value: range });
      input.checked = range === chosen;
      input.addEventListener('change', () => onChange(range));
      return element('label', { class: 'option' }, input, element('span', {}, words.ranges[range]));
    });
    const { usable, down, notInUse, failures } = words.legend;
    const sign = (name: string, text: string): HTMLElement =>
      element(
        'span',
        { class: 'sign' },
        element('span', { class: `mark ${name}`, 'aria-hidden': 'true' }),
        text,
      );
    this.root = element(
      'div',
      { class: 'toolbar' },
      element('fieldset', {}, element('legend', {}, words.range), ...options),
      element(
        'p',
        { class: 'legend' },
        sign('p50', 'p50'),
        sign('p95', 'p95'),
        sign('failed', failures),
        sign('usable', usable),
        sign('down', down),
        sign('unused', notInUse),
      ),
      this.#progress.root,
      this.#missing,
    );
    this.#missing.hidden = true;
    this.update('notYet');
  }

  /** Whether the history of the time that was chosen is there. */
  update(told: 'notYet' | 'whole' | 'missing'): void {
    this.#progress.update(told === 'notYet' ? this.#words.loadingHistory : undefined);
    setText(this.#missing, told === 'missing' ? this.#words.noHistory : '');
    setHidden(this.#missing, told !== 'missing');
  }
}
