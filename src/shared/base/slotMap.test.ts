import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { SlotMap } from './slotMap.ts';

/** How many MB become old of 200,000 short-lived objects of which ten are open at a time; 180 MB go through. */
function promotedMb(what: 'SlotMap' | 'Map'): number {
  const script = `
    import v8 from 'node:v8';
    import { SlotMap } from ${JSON.stringify(join(import.meta.dirname, 'slotMap.ts'))};
    const used = () => v8.getHeapSpaceStatistics().find(({ space_name }) => space_name === 'old_space').space_used_size;
    const map = ${what === 'Map' ? 'new Map()' : 'new SlotMap()'};
    let promoted = 0;
    for (let n = 0; n < 200_000; n += 1) {
      map.set(String(n), { pad: new Array(100).fill(n) });
      map.delete(String(n - 10));
      if (n === 20_000) gc();
      if (n < 20_000 || n % 50 > 0) continue;
      const before = globalThis.last ?? used();
      globalThis.last = used();
      promoted += Math.max(0, globalThis.last - before);
    }
    console.log(promoted / 1e6);`;
  const args = [
    '--expose-gc',
    '--max-semi-space-size=4',
    '--no-warnings',
    '--input-type=module',
    '-e',
    script,
  ];
  return Number(execFileSync(process.execPath, args, { encoding: 'utf8' }));
}

describe('slot map', () => {
  it('is a map: in order of adding, with a value replaced in its place', () => {
    const map = new SlotMap<number>();
    map.set('a', 1).set('b', 2).set('c', 3).set('b', 20);
    assert.equal(map.delete('a'), true);
    assert.equal(map.delete('a'), false);
    map.set('d', 4).set('a', 5);
    assert.deepEqual(
      [...map],
      [
        ['b', 20],
        ['c', 3],
        ['d', 4],
        ['a', 5],
      ],
    );
    assert.deepEqual(
      [map.size, map.get('d'), map.get('x'), map.has('c'), map.has('x')],
      [4, 4, undefined, true, false],
    );
    map.clear();
    assert.deepEqual([map.size, [...map.values()], [...map]], [0, [], []]);
    assert.equal(map.set('z', 1).get('z'), 1);
  });

  it('entries that are deleted while it is gone through are left out', () => {
    const map = new SlotMap<string>();
    for (const key of ['a', 'b', 'c']) map.set(key, key);
    const seen: string[] = [];
    for (const value of map.values()) {
      seen.push(value);
      map.delete('b');
    }
    assert.deepEqual(seen, ['a', 'c']);
  });

  it('goes through what is there also when thousands come and go meanwhile', () => {
    const map = new SlotMap<string>();
    for (const key of ['a', 'b', 'c']) map.set(key, key);
    const seen: string[] = [];
    for (const value of map.values()) {
      seen.push(value);
      map.delete('b');
      for (let n = 0; n < 1_000; n += 1) {
        map.set(`${value}${n}`, 'another');
        map.delete(`${value}${n}`);
      }
    }
    assert.deepEqual(
      [seen, [...map.values()]],
      [
        ['a', 'c'],
        ['a', 'c'],
      ],
    );
  });

  it('R13.4 what has left it does not become old', () => {
    const [slots, plain] = [promotedMb('SlotMap'), promotedMb('Map')];
    assert.ok(slots < 20, `${slots} MB became old (with a Map: ${plain})`);
    assert.ok(
      plain > 2 * slots,
      `a Map is as good (${plain} and ${slots} MB), and this class not needed any more`,
    );
  });
});
