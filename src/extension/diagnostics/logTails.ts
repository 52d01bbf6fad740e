import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Of each file, from its end. */
const TAIL_BYTES = 131_072;
const MAX_FILES = 3;

/** The ends of this window's log files, the newest first; the engine need not run. Never rejects: what cannot be read says so. */
export async function readLogTails(
  home: string,
  window: string,
): Promise<readonly { readonly name: string; readonly tail: string }[]> {
  const folder = join(home, 'logs');
  let names: string[];
  try {
    names = (await readdir(folder)).filter(
      (name) => name === `${window}.log` || name.startsWith(`${window}.log.`),
    );
  } catch (error) {
    return [{ name: 'files', tail: `There are none that can be read (${codeOf(error)}).` }];
  }
  // Files that were put aside are numbered in the order in which that was done: the last ones tell of what was last.
  const numberOf = (name: string): number => Number(name.slice(`${window}.log.`.length)) || Infinity;
  const newest = names.sort((one, other) => numberOf(other) - numberOf(one)).slice(0, MAX_FILES);
  return Promise.all(
    newest.map(async (name) => {
      try {
        return { name, tail: await tailOf(join(folder, name)) };
      } catch (error) {
        return { name, tail: `It cannot be read (${codeOf(error)}).` };
      }
    }),
  );
}

/** Whole lines: half a line may hold half a secret. */
async function tailOf(file: string): Promise<string> {
  const handle = await open(file, 'r');
  try {
    const { size } = await handle.stat();
    const start = Math.max(0, size - TAIL_BYTES);
    const bytes = Buffer.alloc(size - start);
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, start);
    const text = bytes.toString('utf8', 0, bytesRead);
    return start === 0 ? text : text.slice(text.indexOf('\n') + 1);
  } finally {
    await handle.close();
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
}
