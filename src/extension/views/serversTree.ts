import * as vscode from 'vscode';
import type { Clock } from '../../shared/base/clock.ts';
import { DisposableStore, type Disposable } from '../../shared/base/disposable.ts';
import { views } from '../../shared/contributions.ts';
import type { HealthModel } from '../health/healthModel.ts';
import type { HealthView } from '../health/healthView.ts';
import { themeIcon } from '../health/themeIcon.ts';
import type { Translate } from '../translate.ts';
import { badgeOf } from './attention.ts';
import { allRows, compareRows, type Row, type RowChanges } from './row.ts';
import { buildRows } from './rows.ts';
import { SecondTelling } from './secondTelling.ts';

/** What the tree hands to commands: stays the same object while its row's words change. */
export class TreeNode {
  row: Row;
  parent: TreeNode | undefined;

  constructor(row: Row) {
    this.row = row;
  }

  /** The server that a command on this row is about. */
  get server(): string | undefined {
    return this.row.server;
  }
}

/** The tree of servers. Draws only the rows that changed: what is open, selected or in sight stays so. */
export class ServersTree implements vscode.TreeDataProvider<TreeNode>, Disposable {
  readonly #t: Translate;
  readonly #store = new DisposableStore();
  readonly #changed = new vscode.EventEmitter<TreeNode[] | undefined>();
  readonly #nodes = new Map<string, TreeNode>();
  readonly onDidChangeTreeData = this.#changed.event;
  readonly #secondTelling: SecondTelling;
  #rows: readonly Row[] = [];

  constructor(model: HealthModel, clock: Clock, t: Translate) {
    this.#t = t;
    this.#secondTelling = this.#store.add(
      new SecondTelling(
        clock,
        () => this.#rows,
        (changes) => this.#tell(changes),
      ),
    );
    this.#take(buildRows(model.view, t));
    this.#store.add(this.#changed);
    const view = vscode.window.createTreeView(views.servers, { treeDataProvider: this });
    this.#store.add(view);
    let shown = '';
    const showBadge = (next: HealthView): void => {
      const badge = badgeOf(next, t);
      const words = badge === undefined ? '' : `${badge.count} ${badge.tooltip}`;
      // Set again, it would be drawn again.
      if (words === shown) return;
      shown = words;
      view.badge = badge === undefined ? undefined : { value: badge.count, tooltip: badge.tooltip };
    };
    showBadge(model.view);
    this.#store.add(
      model.onDidChange((next) => {
        this.#apply(next);
        showBadge(next);
      }),
    );
  }

  dispose(): void {
    this.#store.dispose();
  }

  getChildren(node?: TreeNode): TreeNode[] {
    this.#secondTelling.noteHandedOut();
    const rows = node === undefined ? this.#rows : node.row.children;
    return rows.flatMap(({ id }) => this.#nodes.get(id) ?? []);
  }

  getParent(node: TreeNode): TreeNode | undefined {
    return node.parent;
  }

  getTreeItem({ row }: TreeNode): vscode.TreeItem {
    const { Collapsed, Expanded, None } = vscode.TreeItemCollapsibleState;
    const item = new vscode.TreeItem(
      row.label,
      row.children.length === 0 ? None : row.isOpen ? Expanded : Collapsed,
    );
    item.id = row.id;
    item.description = row.description;
    item.tooltip = row.tooltip;
    item.contextValue = [row.kind, ...row.actions].join(' ');
    item.accessibilityInformation = { label: row.spoken };
    if (row.icon !== undefined) item.iconPath = themeIcon(row.icon);
    if (row.command !== undefined) {
      const { command, title, args } = row.command;
      item.command = { command, title, arguments: [...args] };
    }
    return item;
  }

  #apply(view: HealthView): void {
    const rows = buildRows(view, this.#t);
    const changes = compareRows(this.#rows, rows);
    this.#take(rows);
    this.#tell(changes);
  }

  #tell({ isListChanged, changed }: RowChanges): void {
    if (isListChanged) this.#changed.fire(undefined);
    else if (changed.length > 0) this.#changed.fire(changed.flatMap((id) => this.#nodes.get(id) ?? []));
  }

  /** Nodes of rows that are still there stay; the others are forgotten. */
  #take(rows: readonly Row[]): void {
    this.#rows = rows;
    const present = new Set(allRows(rows).map(({ id }) => id));
    for (const id of [...this.#nodes.keys()]) if (!present.has(id)) this.#nodes.delete(id);
    this.#takeBelow(undefined, rows);
  }

  #takeBelow(parent: TreeNode | undefined, rows: readonly Row[]): void {
    for (const row of rows) {
      const node = this.#nodes.get(row.id) ?? new TreeNode(row);
      node.row = row;
      node.parent = parent;
      this.#nodes.set(row.id, node);
      this.#takeBelow(node, row.children);
    }
  }
}
