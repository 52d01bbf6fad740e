import assert from 'node:assert/strict';
import { FakeClock } from '../../../test/support/fakeClock.ts';
import { serverSnapshot } from '../../../test/support/healthBuilders.ts';
import { Emitter } from '../../shared/base/emitter.ts';
import type { Snapshot } from '../../shared/model/snapshot.ts';
import type { ServerRegistry } from '../servers/serverRegistry.ts';
import { SnapshotProducer } from './snapshotProducer.ts';

const rethrow = (error: unknown): void => {
  throw error;
};

function given() {
  const clock = new FakeClock();
  const changed = new Emitter<undefined>(rethrow);
  const counters = { total: 0, open: 0 };
  const places = { limit: 2, occupied: 0, queued: 0 };
  const server = {
    name: 'git',
    counters,
    places,
    limiter: { queued: 0 },
    get snapshot() {
      return serverSnapshot('git', { pool: { available: 0, max: 2, queued: places.queued } });
    },
  };
  const registry = { servers: [server], problems: [], onDidChange: changed.event };
  const producer = new SnapshotProducer({
    clock,
    registry: registry as unknown as ServerRegistry,
    engine: () => ({ pid: 1, version: '1', startedAt: 0, journalReliable: true }),
    onListenerError: rethrow,
  });
  const produced: Snapshot[] = [];
  const listen = () => producer.onDidProduce((snapshot) => produced.push(snapshot));
  return { clock, changed, counters, places, producer, produced, listen };
}

describe('the producer of snapshots', () => {
  it('R11.2 tells how many wait within a second, though nobody says that one more does', async () => {
    const { clock, places, produced, listen } = given();
    listen();
    await clock.advance(5_000);
    produced.length = 0;
    places.queued = 7;
    await clock.advance(1_100);
    assert.deepEqual(
      produced.map(({ servers }) => servers[0]?.pool.queued),
      [7],
    );
    places.queued = 3;
    await clock.advance(1_100);
    assert.equal(produced.at(-1)?.servers[0]?.pool.queued, 3);
  });

  it('R13.5 tells nothing while nothing moves, and looks at nothing while nobody listens', async () => {
    const { clock, counters, produced, listen } = given();
    counters.total = 5;
    await clock.advance(10_000);
    const listening = listen();
    await clock.advance(2_000);
    assert.equal(produced.length, 1);
    await clock.advance(60_000);
    assert.equal(produced.length, 1);
    listening.dispose();
    counters.total = 6;
    await clock.advance(10_000);
    assert.equal(produced.length, 1);
  });

  it('R14.5 leaves no timer behind', async () => {
    const { clock, changed, listen, producer } = given();
    listen();
    changed.fire(undefined);
    await clock.advance(3_000);
    producer.dispose();
    assert.equal(clock.pending, 0);
  });
});
