import assert from 'node:assert/strict';
import { LoadWatch } from './loadWatch.ts';

/** A server that is asked by `callers` at once; answers how many calls a second it did when that was found to be past its knee. */
function watchServer(callers: number, tookMs: number, aloneMs: number): number | undefined {
  const watch = new LoadWatch();
  watch.noteUnlimited({ kind: 'tool', tookMs: aloneMs, inFlight: 1 }, 0);
  const stepMs = tookMs / callers;
  for (let at = 0; at < 30_000; at += stepMs) {
    if (!watch.isWorthALook(tookMs)) continue;
    const found = watch.noteUnlimited({ kind: 'tool', tookMs, inFlight: callers }, at);
    if (found !== undefined) return found;
  }
  return undefined;
}

describe('what latency says of load', () => {
  it('R10.2 compares each tool with itself', () => {
    const watch = new LoadWatch();
    for (let call = 0; call < 40; call += 1) {
      watch.note({ kind: 'quick', tookMs: 20, inFlight: 1 });
      watch.note({ kind: 'build', tookMs: 60_000, inFlight: 1 });
    }
    const slowdown = (): number => watch.slowdown ?? assert.fail();
    assert.equal(slowdown(), 1);
    for (let call = 0; call < 40; call += 1) {
      watch.note({ kind: 'quick', tookMs: 90, inFlight: 4 });
    }
    assert.ok(slowdown() > 1 && slowdown() < 4, `${slowdown()}`);
  });

  it('R10.2 says nothing before there are enough answers, nor after a new beginning', () => {
    const watch = new LoadWatch();
    for (let call = 0; call < 19; call += 1) watch.note({ kind: 'a', tookMs: 20, inFlight: 1 });
    assert.equal(watch.slowdown, undefined);
    watch.note({ kind: 'a', tookMs: 20, inFlight: 1 });
    assert.equal(watch.slowdown, 1);
    watch.restart();
    assert.equal(watch.slowdown, undefined);
  });

  it('R10.2 milliseconds are noise', () => {
    const watch = new LoadWatch();
    watch.note({ kind: 'a', tookMs: 0.5, inFlight: 1 });
    for (let call = 0; call < 60; call += 1) watch.note({ kind: 'a', tookMs: 5, inFlight: 10 });
    assert.ok((watch.slowdown ?? 9) < 1.5, `${watch.slowdown}`);
  });

  for (const [what, callers, tookMs, aloneMs, isFound] of [
    ['that does ten at once', 10, 200, 200, false],
    ['that does one after another', 10, 2_000, 200, false],
    ['that does two at a time', 10, 1_000, 200, false],
    ['that does less at once than one after another', 10, 4_000, 200, true],
    ['that is slow with two callers', 2, 4_000, 200, false],
    ['whose calls are fast all the same', 10, 90, 1, false],
  ] as const) {
    it(`R10.2 a server ${what} is ${isFound ? '' : 'not '}past its knee`, () => {
      const found = watchServer(callers, tookMs, aloneMs);
      assert.equal(found !== undefined, isFound);
      if (found !== undefined) assert.ok(Math.abs(found - 2.5) < 0.5, `${found}`);
    });
  }

  it('R14.3 remembers 64 tools', () => {
    const watch = new LoadWatch();
    for (let tool = 0; tool < 1_000; tool += 1)
      watch.note({ kind: `t${tool}`, tookMs: tool < 64 ? 100 : 1e6, inFlight: 1 });
    assert.equal(watch.slowdown, 1);
  });
});
