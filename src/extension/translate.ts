/**
 * Puts a text into the user's language: `vscode.l10n.t` in the editor, the English text itself in unit tests.
 * Pure modules take it as a parameter, so that they need no `vscode`. `{0}`, `{1}` … stand for the arguments.
 *
 * The first argument must be a literal: a test compares all of them with `l10n/bundle.l10n.pt-br.json`.
 */
export interface Translate {
  (message: string, ...args: (string | number | boolean)[]): string;
  /** The engine's words in the user's language; absent where that is English, and before it is loaded (`phrases.ts`). */
  said?: (text: string) => string;
}

/** Words of the engine for people to read: in their language as far as it is known, otherwise as they are. */
export function said(text: string, t: Translate): string {
  return t.said?.(text) ?? text;
}

/** The English text, with its arguments filled in. */
export const untranslated: Translate = (message, ...args) =>
  message.replace(/\{(\d+)\}/g, (whole, index: string) => {
    const value = args[Number(index)];
    return value === undefined ? whole : String(value);
  });
