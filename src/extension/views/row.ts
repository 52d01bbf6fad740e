import type { ActionId } from '../health/conditions.ts';
import type { Icon } from '../health/words.ts';

/** What a click on a row, or Enter, does. */
export interface RowCommand {
  readonly command: string;
  readonly title: string;
  readonly args: readonly unknown[];
}

/** One row of the servers tree, as data. Two equal rows look the same. */
export interface Row {
  /** The same for the same thing, whatever it says just now. */
  readonly id: string;
  readonly label: string;
  readonly description: string;
  readonly icon: Icon | undefined;
  readonly tooltip: string;
  /** What a screen reader says. */
  readonly spoken: string;
  /** Decides which actions the row offers (`when` clauses of the manifest). */
  readonly kind:
    'group' | 'server' | 'serverDisabled' | 'serverInvalid' | 'detail' | 'fix' | 'problem' | 'engine';
  /** What makes sense to do with the server now, beside what can always be done. */
  readonly actions: readonly (ActionId | 'enterInput')[];
  /** The server that the row's actions are about. */
  readonly server: string | undefined;
  /** Absent: Enter and a click open and close it, or do nothing. */
  readonly command: RowCommand | undefined;
  /** Its children show from the start. */
  readonly isOpen: boolean;
  readonly children: readonly Row[];
}

export function plainRow(
  row: Pick<Row, 'id' | 'kind' | 'icon' | 'label' | 'tooltip' | 'spoken'> & Partial<Row>,
): Row {
  return {
    description: '',
    actions: [],
    server: undefined,
    command: undefined,
    isOpen: false,
    children: [],
    ...row,
  };
}

/** Every row, with those below it. */
export function allRows(rows: readonly Row[]): readonly Row[] {
  return rows.flatMap((row) => [row, ...allRows(row.children)]);
}

/** Which rows have to be drawn again, and whether the list itself changed. */
export interface RowChanges {
  /** Top rows, or servers of a group, came, went or moved: everything is drawn again. The editor takes no row over from one parent to another. */
  readonly isListChanged: boolean;
  /** Ids of rows that say something else, or have other rows below them; none of them is below another one. */
  readonly changed: readonly string[];
}

export function compareRows(before: readonly Row[], after: readonly Row[]): RowChanges {
  if (!areSameRows(before, after) || areRegrouped(before, after)) return { isListChanged: true, changed: [] };
  return { isListChanged: false, changed: changedRows(before, after) };
}

const areSameRows = (before: readonly Row[], after: readonly Row[]): boolean =>
  before.length === after.length && before.every(({ id }, index) => id === after[index]?.id);

const areRegrouped = (before: readonly Row[], after: readonly Row[]): boolean =>
  after.some(
    ({ kind, children }, index) => kind === 'group' && !areSameRows(before[index]?.children ?? [], children),
  );

function changedRows(before: readonly Row[], after: readonly Row[]): readonly string[] {
  return after.flatMap((row, index) => {
    const last = before[index];
    if (last === undefined || words(row) !== words(last) || !areSameRows(last.children, row.children))
      return [row.id];
    return changedRows(last.children, row.children);
  });
}

/** A row becomes one that opens with its first row below it, and is none any more with its last. */
const words = ({ children, ...own }: Row): string =>
  JSON.stringify({ ...own, hasChildren: children.length > 0 });
