import { linkSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { toDisposable, type Disposable } from '../../shared/base/disposable.ts';
import { ensurePrivateFolder } from './privateFolder.ts';
import { isStillRunning, ownIdentity, type ProcessIdentity } from './processIdentity.ts';

/**
 * One engine per window. A lock is a numbered file that names its holder; whoever finds the holder of the highest
 * number dead may create the next number, which only one can (`link` fails when the name exists). Numbers only
 * grow, so a slow contender that judged an older holder cannot take the lock from a newer one.
 */

export type OwnershipVerdict =
  { readonly kind: 'owner'; readonly lock: Disposable } | { readonly kind: 'taken'; readonly pid: number };

function readHolder(file: string): ProcessIdentity | undefined {
  try {
    const value = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    const { pid, startTime } = value;
    if (typeof pid !== 'number' || !Number.isInteger(pid) || pid <= 0) return undefined;
    return { pid, startTime: typeof startTime === 'string' ? startTime : undefined };
  } catch {
    return undefined; // removed meanwhile, or not written by us: nobody alive stands behind it
  }
}

function generations(folder: string, window: string): number[] {
  const prefix = `${window}.lock.`;
  return readdirSync(folder)
    .filter((name) => name.startsWith(prefix))
    .map((name) => Number(name.slice(prefix.length)))
    .filter((generation) => Number.isSafeInteger(generation) && generation >= 0)
    .sort((a, b) => a - b);
}

/** Whether an engine owns a window now. Throws when that cannot be told. */
export function isOwned(folder: string, window: string): boolean {
  const highest = generations(folder, window).at(-1);
  const holder = highest === undefined ? undefined : readHolder(join(folder, `${window}.lock.${highest}`));
  return holder !== undefined && isStillRunning(holder);
}

/** Takes the lock of a window, or tells who has it. Throws when the folder cannot be used. */
export function takeOwnership(folder: string, window: string): OwnershipVerdict {
  ensurePrivateFolder(folder);
  const fileOf = (generation: number): string => join(folder, `${window}.lock.${generation}`);
  const own = ownIdentity();
  const draft = join(folder, `${window}.draft.${own.pid}`);
  writeFileSync(draft, JSON.stringify(own), { mode: 0o600 });
  try {
    for (let attempt = 0; attempt < 20; attempt += 1) {
      const highest = generations(folder, window).at(-1) ?? -1;
      const holder = highest < 0 ? undefined : readHolder(fileOf(highest));
      if (holder !== undefined && isStillRunning(holder)) return { kind: 'taken', pid: holder.pid };
      const mine = highest + 1;
      try {
        linkSync(draft, fileOf(mine));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue; // another contender was first
        throw error;
      }
      const all = generations(folder, window);
      if ((all.at(-1) ?? mine) > mine) {
        // Somebody judged a newer holder while we judged an older one: theirs counts.
        rmSync(fileOf(mine), { force: true });
        continue;
      }
      for (const older of all) if (older < mine) rmSync(fileOf(older), { force: true });
      return { kind: 'owner', lock: toDisposable(() => rmSync(fileOf(mine), { force: true })) };
    }
    throw new Error(`The lock of window ${window} could not be settled`);
  } finally {
    rmSync(draft, { force: true });
  }
}
