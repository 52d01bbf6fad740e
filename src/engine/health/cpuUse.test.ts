import assert from 'node:assert/strict';
import { CpuUse } from './cpuUse.ts';

const processor = (busy: number, idle: number) => ({ times: { user: busy, nice: 0, sys: 0, irq: 0, idle } });

describe('use of the processors', () => {
  it('R10.2 is what was used since it was asked last, of all processors together', () => {
    let now = 0;
    let read = [processor(100, 900), processor(0, 1_000)];
    const use = new CpuUse(
      () => now,
      () => read,
    );
    assert.equal(use.ratio(), undefined);
    now = 5_000;
    read = [processor(4_100, 1_900), processor(2_000, 4_000)];
    assert.equal(use.ratio(), 0.6);
    now = 6_000;
    read = [processor(5_100, 1_900), processor(3_000, 4_000)];
    assert.equal(use.ratio(), 0.6, 'a moment later it says the same');
    now = 10_000;
    assert.equal(use.ratio(), 1);
  });

  it('R10.2 is not known where the system tells nothing', () => {
    let now = 0;
    const use = new CpuUse(
      () => now,
      () => [],
    );
    use.ratio();
    now = 5_000;
    assert.equal(use.ratio(), undefined);
  });

  it('R10.2 reads the machine', () => {
    let now = 0;
    const use = new CpuUse(() => now);
    use.ratio();
    for (let spin = 0; spin < 2e7; spin += 1) now = 5_000;
    const ratio = use.ratio();
    assert.ok(ratio === undefined || (ratio >= 0 && ratio <= 1), `${ratio}`);
  });
});
