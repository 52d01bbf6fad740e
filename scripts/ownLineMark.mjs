/** Begins each line that a program in the editor wants printed; see `editorLauncher.mjs`. Invisible in terminals. */
export const ownLineMark = '\u2063';
