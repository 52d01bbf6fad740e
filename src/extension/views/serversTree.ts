import * as vscode from 'vscode';
import { DisposableStore, type Disposable } from '../../shared/base/disposable.ts';
import { views } from '../../shared/contributions.ts';
import type { HealthModel } from '../health/healthModel.ts';
import type { HealthView } from '../health/healthView.ts';
import { themeIcon } from '../health/themeIcon.ts';
import { counted } from '../figures.ts';
import type { Translate } from '../translate.ts';
import { buildRows, compareRows, flappingCount, type Row } from './rows.ts';

/** What the tree hands to commands: stays the same object while its row's words change. */
export class TreeNode {
  row: Row;

  constructor(row: Row) {
    this.row = row;
  }

  /** The server that a command on this row is about. */
  get server(): string | undefined {
    return this.row.server;
  }
}

/** The tree of servers. Draws only the rows that changed. */
export class ServersTree implements vscode.TreeDataProvider<TreeNode>, Disposable {
  readonly #t: Translate;
  readonly #store = new DisposableStore();
  readonly #changed = new vscode.EventEmitter<TreeNode | undefined>();
  readonly #nodes = new Map<string, TreeNode>();
  readonly onDidChangeTreeData = this.#changed.event;
  #rows: readonly Row[];

  constructor(model: HealthModel, t: Translate) {
    this.#t = t;
    this.#rows = buildRows(model.view, t);
    this.#store.add(this.#changed);
    const view = vscode.window.createTreeView(views.servers, { treeDataProvider: this });
    this.#store.add(view);
    const showBadge = (count: number): void => {
      // Set again, it would be drawn again.
      if (count === (view.badge?.value ?? 0)) return;
      const tooltip = counted(t, count, 'One alert comes and goes', '{0} alerts come and go');
      view.badge = count === 0 ? undefined : { value: count, tooltip };
    };
    showBadge(flappingCount(model.view));
    this.#store.add(
      model.onDidChange((next) => {
        this.#apply(next);
        showBadge(flappingCount(next));
      }),
    );
  }

  dispose(): void {
    this.#store.dispose();
  }

  getChildren(node?: TreeNode): TreeNode[] {
    return (node === undefined ? this.#rows : node.row.children).map((row) => this.#nodeOf(row));
  }

  getTreeItem({ row }: TreeNode): vscode.TreeItem {
    const item = new vscode.TreeItem(
      row.label,
      row.children.length > 0
        ? vscode.TreeItemCollapsibleState.Collapsed
        : vscode.TreeItemCollapsibleState.None,
    );
    item.id = row.id;
    item.description = row.description;
    item.tooltip = row.tooltip;
    item.contextValue = [row.kind, ...row.actions].join(' ');
    item.accessibilityInformation = { label: row.spoken };
    if (row.icon !== undefined) item.iconPath = themeIcon(row.icon);
    if (row.setting !== undefined) {
      item.command = {
        command: 'workbench.action.openSettings',
        title: this.#t('Open Settings'),
        arguments: [row.setting],
      };
    }
    return item;
  }

  #apply(view: HealthView): void {
    const rows = buildRows(view, this.#t);
    const { isListChanged, changed } = compareRows(this.#rows, rows);
    this.#rows = rows;
    this.#forgetGone();
    if (isListChanged) {
      this.#changed.fire(undefined);
      return;
    }
    for (const row of rows) if (changed.includes(row.id)) this.#changed.fire(this.#nodeOf(row));
  }

  #nodeOf(row: Row): TreeNode {
    const known = this.#nodes.get(row.id);
    if (known !== undefined) {
      known.row = row;
      return known;
    }
    const node = new TreeNode(row);
    this.#nodes.set(row.id, node);
    return node;
  }

  #forgetGone(): void {
    const present = new Set(this.#rows.flatMap((row) => [row.id, ...row.children.map(({ id }) => id)]));
    for (const id of [...this.#nodes.keys()]) if (!present.has(id)) this.#nodes.delete(id);
  }
}
