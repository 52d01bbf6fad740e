/** Text of servers and files without what a terminal would act on. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ');
}

/** Cut to `max` characters. */
export function shortened(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1)}…`;
}

export type Colour = 'red' | 'yellow' | 'green' | 'bold';
const codes: Readonly<Record<Colour, number>> = { red: 31, yellow: 33, green: 32, bold: 1 };

export interface Cell {
  readonly text: string;
  readonly colour?: Colour;
}

/** Rows in aligned columns, two blanks between them. */
export function alignedRows(rows: readonly (readonly Cell[])[], coloured: boolean): string {
  const widths: number[] = [];
  for (const row of rows)
    for (const [column, { text }] of row.entries())
      widths[column] = Math.max(widths[column] ?? 0, text.length);
  return rows
    .map((row) =>
      row
        .map(({ text, colour }, column) => {
          const padded = column === row.length - 1 ? text : text.padEnd(widths[column] ?? 0);
          return coloured && colour !== undefined ? `\u001b[${codes[colour]}m${padded}\u001b[0m` : padded;
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
