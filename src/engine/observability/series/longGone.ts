import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isWindowId } from '../../../endpoint/location.ts';
import type { Clock } from '../../../shared/base/clock.ts';
import { takeOwnership } from '../../state/ownership.ts';

/** Nothing of a series, and no event, is told for longer than a week; three days more make room for clocks that were wrong. */
const LONG_GONE_MS = 864_000_000;
/** Folders that are looked at. */
const MAX_FOLDERS = 10_000;

/**
 * Removes the series and events of windows that have not been there for ten days: those whose lock can be had, so that no engine is left
 * that they belong to. Answers how many it removed; never rejects.
 */
export async function removeLongGone(options: {
  readonly home: string;
  /** Its own window. */
  readonly window: string;
  readonly clock: Clock;
  readonly note: (message: string) => void;
}): Promise<number> {
  const { home, window, clock, note } = options;
  const root = join(home, 'series');
  let removed = 0;
  try {
    for (const name of (await readdir(root)).slice(0, MAX_FOLDERS)) {
      const folder = join(root, name);
      if (name === window || !isWindowId(name)) continue;
      if (clock.wallNow() - (await lastChange(folder)) < LONG_GONE_MS) continue;
      const verdict = takeOwnership(join(home, 'locks'), name);
      if (verdict.kind === 'taken') continue;
      try {
        await rm(folder, { recursive: true, force: true });
        removed += 1;
      } finally {
        verdict.lock.dispose();
      }
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      note(`the history of windows long gone could not be removed: ${(error as Error).message}`);
  }
  return removed;
}

/** Of the folder, or of anything in it. */
async function lastChange(folder: string): Promise<number> {
  const names = await readdir(folder).catch(() => []);
  const times = await Promise.all([folder, ...names.map((name) => join(folder, name))].map(timeOf));
  return Math.max(...times);
}

async function timeOf(path: string): Promise<number> {
  return (await stat(path)).mtimeMs;
}
