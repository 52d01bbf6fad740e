import assert from 'node:assert/strict';
import { FakeClock } from '../../../test/support/fakeClock.ts';
import { plainRow, type Row, type RowChanges } from './row.ts';
import { SecondTelling, TAKING_IN_MS } from './secondTelling.ts';

const row = (id: string, description: string, children: readonly Row[] = []): Row =>
  plainRow({
    id,
    kind: 'server',
    icon: undefined,
    label: id,
    tooltip: '',
    spoken: '',
    description,
    children,
  });

function setUp() {
  const clock = new FakeClock();
  const told: RowChanges[] = [];
  let rows: readonly Row[] = [row('a', 'idle'), row('b', 'idle')];
  const telling = new SecondTelling(
    clock,
    () => rows,
    (changes) => told.push(changes),
  );
  return { clock, told, telling, show: (next: readonly Row[]) => (rows = next) };
}

describe('what changed while the editor took rows in', () => {
  it('R12.2 is told once more, and only what changed', async () => {
    const { clock, told, telling, show } = setUp();
    telling.noteHandedOut();
    show([row('a', 'idle'), row('b', 'keeps failing')]);
    await clock.advance(TAKING_IN_MS - 1);
    assert.deepEqual(told, []);
    await clock.advance(1);
    assert.deepEqual(told, [{ isListChanged: false, changed: ['b'] }]);
    await clock.advance(10 * TAKING_IN_MS);
    assert.equal(told.length, 1);
    assert.equal(clock.pending, 0);
  });

  it('R12.2 is told when servers came or went', async () => {
    const { clock, told, telling, show } = setUp();
    telling.noteHandedOut();
    show([row('a', 'idle')]);
    await clock.advance(TAKING_IN_MS);
    assert.deepEqual(told, [{ isListChanged: true, changed: [] }]);
  });

  it('nothing is told when nothing changed, or changed before', async () => {
    const { clock, told, telling, show } = setUp();
    show([row('a', 'healthy'), row('b', 'idle')]);
    telling.noteHandedOut();
    await clock.advance(TAKING_IN_MS);
    assert.deepEqual(told, []);
  });

  it('R12.2 rows handed out meanwhile have their own time', async () => {
    const { clock, told, telling, show } = setUp();
    telling.noteHandedOut();
    await clock.advance(TAKING_IN_MS - 10);
    telling.noteHandedOut();
    show([row('a', 'healthy'), row('b', 'idle')]);
    await clock.advance(10);
    assert.deepEqual(told, [{ isListChanged: false, changed: ['a'] }]);
    await clock.advance(TAKING_IN_MS);
    assert.equal(told.length, 2, 'the first may have come too early');
    assert.equal(clock.pending, 0);
  });

  it('nothing is told once it is disposed of', async () => {
    const { clock, told, telling, show } = setUp();
    telling.noteHandedOut();
    telling.noteHandedOut();
    show([]);
    telling.dispose();
    await clock.advance(10 * TAKING_IN_MS);
    assert.deepEqual(told, []);
    assert.equal(clock.pending, 0);
  });
});
