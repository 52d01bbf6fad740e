import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeClock } from '../../../../test/support/fakeClock.ts';
import { toDisposable } from '../../../shared/base/disposable.ts';
import {
  findTrails,
  keepRemovingOldTrails,
  removalText,
  surplusOf,
  type FoundTrail,
  type RemovedTrail,
} from './oldTrails.ts';

const DAY_MS = 86_400_000;

describe('audit trails that nobody goes on with', () => {
  const now = 1_000 * DAY_MS;
  const found = (window: string, ageDays: number, more: Partial<FoundTrail> = {}): FoundTrail => ({
    window,
    folder: `/audit/${window}`,
    sizeBytes: 100,
    writtenAt: now - ageDays * DAY_MS,
    keepDays: 180,
    seq: 5,
    hash: 'ab',
    ...more,
  });
  const removed = (trails: readonly FoundTrail[], maxBytes?: number): string[] =>
    surplusOf(trails, now, maxBytes).map(({ window, why }) => `${window} ${why}`);

  it('R11.5 are removed when they are older than their own settings allow', () => {
    const trails = [
      found('new', 1),
      found('just', 180),
      found('old', 181),
      found('short', 8, { keepDays: 7 }),
    ];
    assert.deepEqual(removed(trails), ['old age', 'short age']);
    assert.deepEqual(removed([found('kept', 5_000, { keepDays: 0 })]), []);
  });

  it('R11.5 R14.3 are removed, oldest first, when all of them take too much', () => {
    const trails = [
      found('b', 20),
      found('c', 10),
      found('a', 30),
      found('kept', 40, { keepDays: 0, sizeBytes: 1e9 }),
    ];
    assert.deepEqual(removed(trails, 300), []);
    assert.deepEqual(removed(trails, 299), ['a room']);
    assert.deepEqual(removed(trails, 150), ['a room', 'b room']);
    // What goes by its age makes room for the others.
    assert.deepEqual(removed([...trails, found('old', 200)], 300), ['old age']);
  });

  it('R11.5 are looked for a while after a start and each day; what runs, and what is no trail, stays', async () => {
    const root = mkdtempSync(join(tmpdir(), 'audit-'));
    try {
      const clock = new FakeClock();
      const make = (window: string, ageDays: number, head: object = {}): string => {
        const folder = join(root, window);
        mkdirSync(folder);
        const files = [join(folder, 'audit-000000000001.jsonl'), join(folder, 'head.json')];
        for (const file of files) writeFileSync(file, JSON.stringify(head));
        const at = clock.wallNow() / 1_000 - ageDays * 86_400;
        for (const path of [...files, folder]) utimesSync(path, at, at);
        return folder;
      };
      const head = { version: 1, seq: 7, hash: 'a'.repeat(64) };
      const old = make('old', 181, head);
      const soon = make('soon', 179.5, head);
      const running = make('running', 999, head);
      const own = make('own', 999, head);
      const kept = make('kept', 999, { ...head, keepDays: 0 });
      const stranger = make('no window', 999, head);
      assert.deepEqual(
        findTrails(root, 'own')
          .map(({ window }) => window)
          .sort(),
        ['kept', 'old', 'running', 'soon'],
      );
      const gone: RemovedTrail[] = [];
      const locks: string[] = [];
      const removing = keepRemovingOldTrails({
        root,
        window: 'own',
        clock,
        lock: (window) => {
          if (window === 'running') return undefined;
          locks.push(`+${window}`);
          return toDisposable(() => locks.push(`-${window}`));
        },
        onRemoved: (trail) => gone.push(trail),
        onError: (error) => assert.fail(String(error)),
      });
      assert.ok(existsSync(old));
      await clock.advance(60_000);
      assert.deepEqual(
        gone.map(({ window, seq, why }) => [window, seq, why]),
        [['old', 7, 'age']],
      );
      assert.match(
        removalText(gone[0] ?? assert.fail()),
        /old was removed .* more than 180 days; its last line was 7, with the hash aaa/,
      );
      assert.ok(!existsSync(old));
      for (const folder of [soon, running, own, kept, stranger]) assert.ok(existsSync(folder), folder);
      await clock.advance(DAY_MS);
      assert.ok(!existsSync(soon));
      assert.deepEqual(locks, ['+old', '-old', '+soon', '-soon']);
      removing.dispose();
      assert.equal(gone.length, 2);
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  });
});
