import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isWindowId } from '../../../endpoint/location.ts';
import type { Clock } from '../../../shared/base/clock.ts';
import { toDisposable, type Disposable } from '../../../shared/base/disposable.ts';
import { DEFAULT_AUDIT_KEEP_DAYS } from '../../../shared/settings/auditSettings.ts';
import { readHead } from './auditFolder.ts';

/** Trails that nobody goes on with, all together; beyond it the one that was written to longest ago is removed. */
const MAX_OLD_MB = 1_024;
/** After a start, when others are done with theirs. */
const FIRST_LOOK_MS = 60_000;
const LOOK_INTERVAL_MS = 86_400_000;
/** Looked at in one go. */
const MAX_TRAILS = 10_000;
const DAY_MS = 86_400_000;

/** A trail of another window. */
export interface FoundTrail {
  readonly window: string;
  readonly folder: string;
  readonly sizeBytes: number;
  /** Wall clock, milliseconds. */
  readonly writtenAt: number;
  /** As its own engine's settings had it; 0: for ever. */
  readonly keepDays: number;
  /** Its last line; 0: unknown. */
  readonly seq: number;
  readonly hash: string;
}

export interface RemovedTrail extends FoundTrail {
  readonly why: 'age' | 'room';
}

/** For the log. */
export function removalText({ folder, why, keepDays, seq, hash, sizeBytes }: RemovedTrail): string {
  const reason =
    why === 'age'
      ? `nothing was written to it for more than ${keepDays} days`
      : 'trails that nobody goes on with took more than 1 GB, and it was the oldest';
  const head = seq === 0 ? '' : `; its last line was ${seq}, with the hash ${hash}`;
  return `the audit trail in ${folder} was removed (${sizeBytes} bytes): ${reason}${head}`;
}

/** What is to be removed of trails that nobody goes on with. One that is to be kept for ever is, whatever its size. */
export function surplusOf(
  trails: readonly FoundTrail[],
  now: number,
  maxBytes = MAX_OLD_MB * 1_048_576,
): RemovedTrail[] {
  const removable = trails
    .filter(({ keepDays }) => keepDays > 0)
    .toSorted((a, b) => a.writtenAt - b.writtenAt);
  let bytes = removable.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return removable.flatMap((trail): RemovedTrail[] => {
    const isOld = now - trail.writtenAt > trail.keepDays * DAY_MS;
    if (!isOld && bytes <= maxBytes) return [];
    bytes -= trail.sizeBytes;
    return [{ ...trail, why: isOld ? 'age' : 'room' }];
  });
}

/** The trails of other windows. Never throws for one that cannot be read. */
export function findTrails(root: string, own: string): FoundTrail[] {
  let names: string[];
  try {
    names = readdirSync(root);
  } catch {
    return []; // there is none
  }
  return names
    .filter((name) => isWindowId(name) && name !== own)
    .slice(0, MAX_TRAILS)
    .flatMap((window) => foundTrail(join(root, window), window));
}

function foundTrail(folder: string, window: string): FoundTrail[] {
  try {
    const files = readdirSync(folder).map((name) => statSync(join(folder, name)));
    const head = readHead(folder);
    const { seq = 0, hash = '', keepDays = DEFAULT_AUDIT_KEEP_DAYS } = typeof head === 'object' ? head : {};
    const sizeBytes = files.reduce((sum, { size }) => sum + size, 0);
    const writtenAt = Math.max(statSync(folder).mtimeMs, ...files.map(({ mtimeMs }) => mtimeMs));
    return [{ window, folder, sizeBytes, writtenAt, keepDays, seq, hash }];
  } catch {
    return []; // gone meanwhile, or no folder
  }
}

export interface OldTrailsOptions {
  /** Where the trails of all windows are. */
  readonly root: string;
  readonly window: string;
  readonly clock: Clock;
  /** Takes the lock of a window, so that no engine goes on with its trail meanwhile; nothing when one runs. */
  readonly lock: (window: string) => Disposable | undefined;
  readonly onRemoved: (trail: RemovedTrail) => void;
  readonly onError: (error: unknown) => void;
}

/** Removes trails that no engine goes on with, by age and by room; never one whose engine runs. */
export function removeOldTrails({ root, window, clock, lock, onRemoved, onError }: OldTrailsOptions): void {
  for (const trail of surplusOf(findTrails(root, window), clock.wallNow())) {
    try {
      const held = lock(trail.window);
      if (held === undefined) continue;
      try {
        rmSync(trail.folder, { recursive: true, force: true });
      } finally {
        held.dispose();
      }
      onRemoved(trail);
    } catch (error) {
      onError(error);
    }
  }
}

/** Does so a while after the start, and each day. */
export function keepRemovingOldTrails(options: OldTrailsOptions): Disposable {
  let timer: Disposable;
  const look = (): void => {
    removeOldTrails(options);
    timer = options.clock.setTimer(LOOK_INTERVAL_MS, look, { unref: true });
  };
  timer = options.clock.setTimer(FIRST_LOOK_MS, look, { unref: true });
  return toDisposable(() => timer.dispose());
}
