import assert from 'node:assert/strict';
import type { ContinuitySpan } from '../../shared/model/continuity.ts';
import type { ServerSnapshot, Snapshot } from '../../shared/model/snapshot.ts';
import { missReasons, type WatchedSnapshot } from '../../shared/model/watched.ts';
import { continuitySection } from './statusContinuity.ts';

const NOW = 1_000_000;
const span: ContinuitySpan = { wantedMs: 0, longCalls: 0, reconnects: 0, calls: 0, missed: [] };
const ofAll = (recent: ContinuitySpan): readonly { text: string; colour?: string }[] =>
  continuitySection.ofAll?.(
    { engine: { continuity: { life: span, recent, windowMs: 3_600_000 } } } as Snapshot,
    NOW,
  ) ?? [];
const ofServer = (...watched: Partial<WatchedSnapshot>[]): readonly { text: string; colour?: string }[] =>
  continuitySection.ofServer?.({ watched } as ServerSnapshot, NOW) ?? [];

describe('continuity in the status', () => {
  it('R11.6 is told for all servers, with "no data" where there is none', () => {
    assert.deepEqual(ofAll({ ...span, phi: 0.99849, deltaMs: 12.4 }), [
      { text: 'continuity of the last 1h: Φ 0.998, Ψ no data, σ no data, Δ 12ms a call', colour: 'dim' },
    ]);
    const [line] = ofAll({ ...span, phi: 0.5, sigma: 0.25, missed: ['phi', 'sigma'] });
    assert.equal(line?.colour, 'yellow');
    assert.match(line.text, /misses its target: Φ, σ/);
    assert.deepEqual(continuitySection.ofAll?.({ engine: {} } as Snapshot, NOW), []);
  });

  it('R11.6 is told of a server where it is degraded', () => {
    const continuity = { life: span, recent: { ...span, psi: 0.5, missed: ['psi'] }, windowMs: 3_600_000 };
    assert.deepEqual(continuitySection.ofServer?.({ continuity } as ServerSnapshot, NOW), [
      { text: 'degraded in the last 1h: Ψ 0.500', colour: 'yellow' },
    ]);
    assert.deepEqual(ofServer(), []);
  });

  it('R11.7 watched values are told with their age, threshold, and why there is none', () => {
    const at = NOW - 12_000;
    assert.deepEqual(
      ofServer(
        { name: 'a', state: 'ok', value: 0.5, at },
        { name: 'b', state: 'below', value: 0.02, at, min: 0.03 },
        { name: 'c', state: 'above', value: 3, at, max: 2 },
        { name: 'd', state: 'waiting' },
        { name: 'e', state: 'missed', value: 7, at, missed: { reason: 'idle', since: at } },
        { name: 'f', state: 'missed', missed: { reason: 'failed', since: at, why: 'It said no.' } },
      ),
      [
        { text: 'a: 0.5 (12s ago)' },
        { text: 'b: 0.02 (12s ago), below 0.03', colour: 'red' },
        { text: 'c: 3 (12s ago), above 2', colour: 'red' },
        { text: 'd: no sample yet' },
        { text: 'e: no sample for 12s: nobody uses the server; last 7 (12s ago)', colour: 'dim' },
        { text: 'f: no sample for 12s: It said no.', colour: 'yellow' },
      ],
    );
    for (const reason of missReasons) {
      const [line] = ofServer({ name: 'a', state: 'missed', missed: { reason, since: NOW } });
      assert.match(line?.text ?? '', /no sample for 0s: \w.+/);
    }
  });
});
