import { historyRanges, type HistoryRange, type PageWords } from '../../shared/protocol/dashboardData.ts';
import { element } from './dom.ts';

/** How much time the graphs show, and what their signs mean. */
export class RangePicker {
  readonly root: HTMLElement;

  constructor(words: PageWords, chosen: HistoryRange, onChange: (range: HistoryRange) => void) {
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
    );
  }
}
