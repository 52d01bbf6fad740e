import { mkdirSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import module from 'node:module';
import { join } from 'node:path';
import type { Clock } from '../../shared/base/clock.ts';
import { ensurePrivateFolder } from '../state/privateFolder.ts';

/** By now what a start needs has been compiled; the engine is killed more often than it ends. */
const KEEP_AFTER_MS = 5_000;
/** One for each pair of our version and Node's: two editors and an update of each. About 1 MB each. */
const MAX_FOLDERS = 4;

/** Absent before Node 22.1, and 22.10. */
const {
  enableCompileCache,
  flushCompileCache,
}: Partial<Pick<typeof module, 'enableCompileCache' | 'flushCompileCache'>> = module;

/**
 * Lets Node keep the compiled code of what is loaded from now on in a private folder, and use what an earlier start has left there. Takes an
 * eighth off the engine's start. Never throws: where nothing can be written, or with a Node that cannot (before 22.1), code is compiled as ever.
 * Node itself refuses what was made from other code or by another V8.
 */
export function keepCompiledCode(home: string, version: string, clock: Clock): void {
  const all = join(home, 'compiled');
  const folder = join(all, `${version}-${process.versions.node}`);
  try {
    // What is in it is run: it must not be a folder in which somebody else can write.
    ensurePrivateFolder(all);
    mkdirSync(folder, { mode: 0o700, recursive: true });
    enableCompileCache?.(folder); // tells a failure by its result, which changes nothing
  } catch {
    return; // compiled as ever
  }
  clock.setTimer(
    KEEP_AFTER_MS,
    () => {
      flushCompileCache?.();
      forgetOldest(all, folder, clock);
    },
    { unref: true },
  );
}

/** Leaves the folders that were used last. */
function forgetOldest(all: string, current: string, clock: Clock): void {
  try {
    const now = clock.wallNow() / 1_000;
    utimesSync(current, now, now);
    const folders = readdirSync(all).map((name) => {
      const path = join(all, name);
      return { path, usedAt: statSync(path).mtimeMs };
    });
    folders.sort((one, other) => other.usedAt - one.usedAt);
    for (const { path } of folders.slice(MAX_FOLDERS)) rmSync(path, { recursive: true, force: true });
  } catch {
    // Another engine may be doing the same; what is left is found the next time.
  }
}
