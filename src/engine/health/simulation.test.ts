import assert from 'node:assert/strict';
import { simulateHealth, type DetectionKind } from '../../../test/support/healthSimulation.ts';

/** R5.3: seconds from the hang, or from the deadline of what explained the silence, to the verdict. */
const limits: Readonly<Record<DetectionKind, number>> = {
  'local, nothing to do': 45,
  'remote, in use': 45,
  // The longest interval with its jitter, and the verdict.
  'remote, not called for long': 672,
  'during a call': 12,
};

/** `npm run bench:health` runs the same for months. */
describe('health over days', () => {
  for (const seed of [11, 12]) {
    it(`R5.3 stalls, sleeps, stopped processes and calls of a minute convict nobody (two days, seed ${seed})`, async () => {
      const { falseConvictions, happened, acquittals } = await simulateHealth({
        seed,
        days: 2,
        hangs: false,
      });
      assert.deepEqual(falseConvictions, []);
      for (const what of ['local pauses of 1 to 8 s', 'synchronous calls of 60 s', 'sleeps of an hour'])
        assert.ok((happened[what] ?? 0) > 0, what);
      assert.ok(acquittals > 0, 'some were suspect');
    }).timeout(60_000);
  }

  it('R5.3 every server that hangs for good is noticed in its time (two days, seed 13)', async () => {
    const { falseConvictions, detections, unnoticed } = await simulateHealth({
      seed: 13,
      days: 2,
      hangs: true,
    });
    assert.deepEqual(falseConvictions, []);
    assert.equal(unnoticed, 0);
    for (const kind of Object.keys(limits) as DetectionKind[]) {
      const took = detections
        .filter((one) => one.kind === kind && !one.wasDisturbed)
        .map(({ tookMs }) => tookMs / 1_000);
      assert.ok(took.length > 0, `no hang of a server: ${kind}`);
      assert.ok(Math.max(...took) <= limits[kind], `${kind}: ${Math.max(...took)} s`);
    }
  }).timeout(60_000);
});
