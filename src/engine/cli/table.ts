import { eastAsianWidth } from 'get-east-asian-width';

/**
 * Text of servers and files without what a terminal would act on, or what turns the reading order of the rest around (Unicode TR 36, 2.6 "Bidirectional
 * Text Spoofing").
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu, ' ');
}

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
const plain = /^[\x20-\x7e]*$/;
const invisible = /^\p{Default_Ignorable_Code_Point}|^\p{M}/u;
const emoji = /\p{Emoji_Presentation}|\ufe0f/u;

function graphemeWidth(grapheme: string): number {
  if (invisible.test(grapheme)) return 0;
  if (emoji.test(grapheme)) return 2;
  return eastAsianWidth(grapheme.codePointAt(0) ?? 0x20);
}

/** Columns that a text takes on a terminal: wide characters two, combining ones none. The text is `printable`. */
export function widthOf(text: string): number {
  if (plain.test(text)) return text.length;
  let width = 0;
  for (const { segment } of graphemes.segment(text)) width += graphemeWidth(segment);
  return width;
}

/** The beginning of a text that takes at most `max` columns. */
function beginning(text: string, max: number): string {
  if (plain.test(text)) return text.slice(0, max);
  let width = 0;
  for (const { segment, index } of graphemes.segment(text)) {
    width += graphemeWidth(segment);
    if (width > max) return text.slice(0, index);
  }
  return text;
}

/** Cut to `max` columns. */
export function shortened(text: string, max: number): string {
  // Each takes at most two: a long text is not measured to its end.
  const looked = text.slice(0, max * 8 + 8);
  return widthOf(looked) <= max && looked === text ? text : `${beginning(looked, Math.max(0, max - 1))}…`;
}

function padded(text: string, width: number, isRight = false): string {
  const blanks = ' '.repeat(Math.max(0, width - widthOf(text)));
  return isRight ? blanks + text : text + blanks;
}

/** Broken at blanks into lines of at most `width` columns; those after the first begin with `indent`. A word that is longer is cut. */
export function wrapped(text: string, width: number, indent = '  '): string[] {
  const lines: string[] = [];
  let line = '';
  let used = 0;
  for (const word of text.split(' ').filter((one) => one !== '')) {
    const isFirst = line.trim() === '';
    const room = width - used - (isFirst ? 0 : 1);
    const taken = widthOf(word);
    if (taken > room && !isFirst) {
      lines.push(line);
      line = indent + shortened(word, Math.max(1, width - indent.length));
    } else line += (isFirst ? '' : ' ') + shortened(word, Math.max(1, room));
    used = widthOf(line);
  }
  return [...lines, line];
}

export type Colour = 'red' | 'yellow' | 'green' | 'bold' | 'dim';
const codes: Readonly<Record<Colour, number>> = { red: 31, yellow: 33, green: 32, bold: 1, dim: 2 };

export function coloured(text: string, colour: Colour | undefined, isColoured: boolean): string {
  return isColoured && colour !== undefined ? `\u001b[${codes[colour]}m${text}\u001b[0m` : text;
}

/** Whether colours go out: to a terminal, unless its owner wants none (no-color.org); anywhere, where that is asked for (force-color.org). */
export function wantsColours(
  stream: { readonly isTTY?: boolean },
  { FORCE_COLOR: force, NO_COLOR: no, TERM: terminal }: NodeJS.ProcessEnv = process.env,
): boolean {
  if (force !== undefined && force !== '') return force !== '0' && force !== 'false';
  return stream.isTTY === true && (no === undefined || no === '') && terminal !== 'dumb';
}

export interface Cell {
  readonly text: string;
  readonly colour?: Colour | undefined;
}

/** Rows in aligned columns, two blanks between them. */
export function alignedRows(rows: readonly (readonly Cell[])[], isColoured: boolean): string {
  const widths: number[] = [];
  for (const row of rows)
    for (const [column, { text }] of row.entries())
      widths[column] = Math.max(widths[column] ?? 0, widthOf(text));
  return rows
    .map((row) =>
      row
        .map(({ text, colour }, column) =>
          coloured(column === row.length - 1 ? text : padded(text, widths[column] ?? 0), colour, isColoured),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

export interface Column<T> {
  readonly title: string;
  readonly cell: (of: T) => Cell | string;
  /** Where there is no room for all, the columns with the lowest go first. */
  readonly importance: number;
  readonly isNumber?: boolean;
  /** It may be cut, down to this width. */
  readonly minWidth?: number;
}

const GAP = 2;

/** A table that takes no more than `width` columns of a terminal: columns are left out, and long texts cut, until it fits. */
export function fittedTable<T>(
  columns: readonly Column<T>[],
  of: readonly T[],
  { width, isColoured }: { readonly width: number; readonly isColoured: boolean },
): string[] {
  let shown = columns.map((column) => {
    const cells = of
      .map((one) => column.cell(one))
      .map((cell) => (typeof cell === 'string' ? { text: cell } : cell));
    const natural = cells.reduce((most, { text }) => Math.max(most, widthOf(text)), widthOf(column.title));
    return { column, cells, natural, least: Math.min(natural, column.minWidth ?? natural), width: natural };
  });
  const total = (what: 'least' | 'width'): number =>
    shown.reduce((sum, one) => sum + one[what], GAP * (shown.length - 1));
  while (total('least') > width && shown.length > 1) {
    const leastImportant = Math.min(...shown.map(({ column }) => column.importance));
    shown = shown.filter(({ column }) => column.importance !== leastImportant);
  }
  // The least important text is cut first.
  for (const one of [...shown].sort((a, b) => a.column.importance - b.column.importance))
    one.width = Math.max(one.least, one.width - Math.max(0, total('width') - width));
  const line = (cells: readonly Cell[]): string =>
    shown
      .map(({ column, width: columnWidth }, index) => {
        const { text, colour } = cells[index] ?? { text: '' };
        const fitted = shortened(text, Math.min(columnWidth, width));
        const isLast = index === shown.length - 1 && column.isNumber !== true;
        return coloured(isLast ? fitted : padded(fitted, columnWidth, column.isNumber), colour, isColoured);
      })
      .join(' '.repeat(GAP))
      .trimEnd();
  return [
    line(shown.map(({ column }) => ({ text: column.title, colour: 'bold' }))),
    ...of.map((_, row) => line(shown.map(({ cells }) => cells[row] ?? { text: '' }))),
  ];
}
