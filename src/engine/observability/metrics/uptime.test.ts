import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Uptime, uptimeRatio, type Availability } from './uptime.ts';

const availabilities: readonly Availability[] = ['usable', 'down', 'unused'];

describe('uptime', () => {
  it('R11.1 is the usable part of the time that it was wanted', () => {
    let now = 50;
    const uptime = new Uptime(() => now);
    assert.equal(uptime.ratio, undefined);
    now += 1_000;
    uptime.note('usable');
    now += 900;
    uptime.note('down');
    now += 100;
    assert.deepEqual(uptime.reading, { usableMs: 900, downMs: 100, unusedMs: 1_000 });
    assert.equal(uptime.ratio, 0.9);
    uptime.note('unused');
    now += 1_000_000;
    assert.equal(uptime.ratio, 0.9);
  });

  it('R11.6 the figures of a span are the difference of two readings', () => {
    let now = 0;
    const uptime = new Uptime(() => now);
    uptime.note('down');
    now += 1_000;
    uptime.note('usable');
    const before = uptime.reading;
    now += 750;
    uptime.note('down');
    now += 250;
    assert.equal(uptimeRatio(uptime.reading, before), 0.75);
    assert.equal(uptimeRatio(before, before), undefined);
  });

  it('R11.1 no moment is lost or counted twice, in any order of changes', () => {
    const change = fc.tuple(fc.constantFrom(...availabilities), fc.integer({ min: 0, max: 10_000 }));
    fc.assert(
      fc.property(fc.array(change, { maxLength: 100 }), (changes) => {
        let now = 7;
        const uptime = new Uptime(() => now);
        const wanted = { usable: 0, down: 0, unused: 0 };
        for (const [availability, ms] of changes) {
          uptime.note(availability);
          now += ms;
          wanted[availability] += ms;
          const { usableMs, downMs, unusedMs } = uptime.reading;
          assert.deepEqual({ usable: usableMs, down: downMs, unused: unusedMs }, wanted);
          assert.equal(usableMs + downMs + unusedMs, now - 7);
        }
      }),
      { numRuns: 200 },
    );
  });
});
