import * as vscode from 'vscode';

const MAX_BYTES = 4_194_304;

/** What keeps a file from being changed, as a sentence for the person. */
export class FileTrouble extends Error {}

/** The text of a file exactly, with its byte order mark; `undefined` when it is not there. */
export async function readText(file: vscode.Uri): Promise<string | undefined> {
  let bytes: Uint8Array;
  try {
    const { size, type } = await vscode.workspace.fs.stat(file);
    // A pipe or a device would be read for ever.
    if ((type & vscode.FileType.File) === 0) throw new FileTrouble(`${file.fsPath} is not a file.`);
    if (size > MAX_BYTES) throw new FileTrouble(`${file.fsPath} is larger than ${MAX_BYTES} bytes.`);
    bytes = await vscode.workspace.fs.readFile(file);
  } catch (error) {
    if (error instanceof vscode.FileSystemError && error.code === 'FileNotFound') return undefined;
    throw error;
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new FileTrouble(`${file.fsPath} is not UTF-8.`, { cause: error });
  }
}

/** Writes a file if it is still what was read (`undefined`: not there), and is not being edited. */
export async function writeText(file: vscode.Uri, text: string, expected: string | undefined): Promise<void> {
  const open = vscode.workspace.textDocuments.find(({ uri }) => uri.toString() === file.toString());
  if (open?.isDirty === true) throw new FileTrouble(`${file.fsPath} has changes that are not saved.`);
  const now = await readText(file);
  if (now !== expected) throw new FileTrouble(`${file.fsPath} has changed meanwhile.`);
  await vscode.workspace.fs.writeFile(file, new TextEncoder().encode(text));
}

/** Puts a file back to what it was: `undefined` is not there. Only if it still is what was written. */
export async function restoreText(
  file: vscode.Uri,
  before: string | undefined,
  written: string,
): Promise<void> {
  if (before !== undefined) return writeText(file, before, written);
  if ((await readText(file)) !== written) throw new FileTrouble(`${file.fsPath} has changed meanwhile.`);
  await vscode.workspace.fs.delete(file);
}
