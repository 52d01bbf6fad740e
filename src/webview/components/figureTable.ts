import type { PageWords } from '../../shared/protocol/dashboardData.ts';
import type { KnownHistory } from '../historyStore.ts';
import type { Moments } from '../moments.ts';
import { element, KeyedList, setText, type Item } from './dom.ts';
import { figureRows, type FigureRow } from './figureRows.ts';
import { writeMs, writeSpan } from './units.ts';

export interface FigureTableOptions {
  readonly words: PageWords;
  readonly moments: Moments;
  readonly server: string;
  readonly isOpen: boolean;
  readonly onToggle: (isOpen: boolean) => void;
}

/** The graph of a server as a table, for whoever cannot see it or wants its figures. It is made when it is opened. */
export class FigureTable {
  readonly root: HTMLDetailsElement;
  readonly #options: FigureTableOptions;
  readonly #body = element('tbody');
  readonly #rows: KeyedList<FigureRow>;
  #history: KnownHistory | undefined;
  #windowMs = 0;
  #now = 0;

  constructor(options: FigureTableOptions) {
    const { words, server, isOpen, onToggle } = options;
    const { table } = words;
    this.#options = options;
    this.#rows = new KeyedList(
      this.#body,
      ({ from }) => String(from),
      () => new Row(this.#writers()),
    );
    const heads = [table.from, table.calls, 'p50', 'p95', words.state].map((text) =>
      element('th', { scope: 'col' }, text),
    );
    const name = table.of.replace('{0}', () => server);
    this.root = element(
      'details',
      { class: 'table' },
      element('summary', { 'aria-label': name }, table.title),
      // Wider than a narrow side bar: it is scrolled by itself, also with the keyboard.
      element(
        'div',
        { class: 'scrolled', role: 'region', tabindex: '0', 'aria-label': name },
        element('table', {}, element('thead', {}, element('tr', {}, ...heads)), this.#body),
      ),
    );
    this.root.open = isOpen;
    this.root.addEventListener('toggle', () => {
      onToggle(this.root.open);
      this.#show();
    });
  }

  update(history: KnownHistory): void {
    this.#history = history;
    this.#show();
  }

  #writers(): RowWriters {
    const { words, moments } = this.#options;
    return { words, time: (at) => moments.from(at, this.#now, this.#windowMs) };
  }

  #show(): void {
    const history = this.#history;
    if (!this.root.open || history === undefined) return;
    this.#windowMs = history.windowMs;
    this.#now = history.now;
    this.#rows.update(figureRows(history.of(this.#options.server).points, history.windowMs));
  }
}

interface RowWriters {
  readonly words: PageWords;
  readonly time: (at: number) => string;
}

class Row implements Item<FigureRow> {
  readonly root = element('tr');
  readonly #writers: RowWriters;
  readonly #cells: readonly HTMLElement[];

  constructor(writers: RowWriters) {
    this.#writers = writers;
    this.#cells = [element('th', { scope: 'row' }), ...[0, 1, 2, 3].map(() => element('td'))];
    this.root.append(...this.#cells);
  }

  update(row: FigureRow): void {
    const { time, words } = this.#writers;
    const texts = [
      time(row.from),
      callsOf(row, words),
      spreadWords(row.p50),
      spreadWords(row.p95),
      stateOf(row, words),
    ];
    for (const [index, cell] of this.#cells.entries()) setText(cell, texts[index] ?? '');
  }
}

function callsOf({ calls, failures }: FigureRow, { table }: PageWords): string {
  if (failures === 0) return String(calls);
  return table.callsFailed.replace('{0}', () => String(calls)).replace('{1}', () => String(failures));
}

function spreadWords(spread: readonly [number, number] | undefined): string {
  if (spread === undefined) return '–';
  const [least = '', most = ''] = spread.map(writeMs);
  if (least === most) return least;
  const [figure = '', unit] = least.split(' ');
  // There is little room beside each other: a unit that is the same is said once.
  return most.endsWith(` ${unit}`) ? `${figure}–${most}` : `${least} – ${most}`;
}

function stateOf({ usableMs, downMs, breaker }: FigureRow, { legend, table }: PageWords): string {
  const calm = usableMs > 0 ? legend.usable : legend.notInUse;
  const state = downMs > 0 ? table.downFor.replace('{0}', () => writeSpan(downMs)) : calm;
  return breaker === 'closed' ? state : `${state}; ${table.breaker[breaker]}`;
}
