import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { StandaloneBed } from '../support/standalone.ts';
import { until } from '../support/testEngine.ts';

describe('log files of several engines', () => {
  const bed = new StandaloneBed();
  after(() => bed.dispose());
  const folder = join(bed.home, 'logs');
  const names = (): string[] => readdirSync(folder);
  const bytes = (): number => names().reduce((all, name) => all + statSync(join(folder, name)).size, 0);

  it('R11.4 hold less than 10 MB together; the oldest go, and none that a live engine writes', async () => {
    mkdirSync(folder, { recursive: true });
    for (let window = 0; window < 30; window += 1) {
      const file = join(folder, `gone${window}.log${window % 2 === 0 ? '' : '.1'}`);
      writeFileSync(file, 'x'.repeat(400_000));
      utimesSync(file, 1_000_000 + window, 1_000_000 + window);
    }
    const first = await bed.serve({ servers: {} });
    const second = await bed.serve({ servers: {} });
    await until('the old ones to go', () => bytes() < 8_500_000);
    assert.ok(!names().includes('gone0.log') && names().includes('gone29.log.1'), names().join(' '));
    const liveNow = (): string[] => names().filter((name) => name.startsWith('serve-'));
    await until('both logs', () => liveNow().length === 2);
    const live = liveNow();
    // As old as they may look.
    for (const name of live) utimesSync(join(folder, name), 1, 1);
    writeFileSync(join(folder, 'gone.log.1'), 'x'.repeat(4_000_000));
    const third = await bed.serve({ servers: {} });
    await until('again', () => bytes() < 8_500_000);
    for (const name of live) assert.match(readFileSync(join(folder, name), 'utf8'), /is listening/);
    for (const { running } of [first, second, third]) assert.ok(!running.hasExited);
  });
});
