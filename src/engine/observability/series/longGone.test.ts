import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../../shared/base/clock.ts';
import { takeOwnership } from '../../state/ownership.ts';
import { removeLongGone } from './longGone.ts';

describe('series of windows long gone', () => {
  let home: string;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'lifeline-gone-'));
  });
  afterEach(() => {
    rmSync(home, { recursive: true, force: true });
  });

  it('R14.3 are removed after ten days, unless an engine has the window', async () => {
    const notes: string[] = [];
    const options = { home, window: 'mine', clock: systemClock, note: (text: string) => notes.push(text) };
    assert.equal(await removeLongGone(options), 0);
    const old = Date.now() / 1_000 - 15 * 86_400;
    for (const window of ['mine', 'gone', 'taken', 'recent']) {
      const folder = join(home, 'series', window);
      mkdirSync(folder, { recursive: true });
      const file = join(folder, '15m-1.v1');
      writeFileSync(file, 'x');
      if (window !== 'recent') utimesSync(file, old, old);
      utimesSync(folder, old, old);
    }
    const taken = takeOwnership(join(home, 'locks'), 'taken');
    assert.equal(taken.kind, 'owner');
    assert.equal(await removeLongGone(options), 1);
    assert.deepEqual(readdirSync(join(home, 'series')).sort(), ['mine', 'recent', 'taken']);
    assert.equal(readdirSync(join(home, 'locks')).length, 1);
    assert.deepEqual(notes, []);
  });
});
