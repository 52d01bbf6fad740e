import * as vscode from 'vscode';
import type { Icon } from './words.ts';

/** An icon as the editor draws it beside a label: not inside it, where a screen reader would read its name out. */
export function themeIcon({ name, color }: Icon): vscode.ThemeIcon {
  return new vscode.ThemeIcon(name, color === undefined ? undefined : new vscode.ThemeColor(color));
}

/** The same without its movement: a quick pick turns the whole place of a spinning icon, and it stumbles. */
export function stillIcon({ name }: Icon): vscode.ThemeIcon {
  return new vscode.ThemeIcon(name.replace(/~spin$/, ''));
}
