import assert from 'node:assert/strict';
import fc from 'fast-check';
import { compareLists } from './stability.ts';

const tool = (name: string, more: Record<string, unknown> = {}): unknown => ({ name, ...more });

describe('how stable a catalogue is', () => {
  it('R11.6 a changed schema, a lost and a new tool count, order does not', () => {
    const before = { tools: [tool('a', { inputSchema: { type: 'object', x: 1 } }), tool('b'), tool('c')] };
    const same = { tools: [tool('c'), tool('b'), { inputSchema: { x: 1, type: 'object' }, name: 'a' }] };
    assert.deepEqual(compareLists(before, same, ['tools']), { unchanged: 3, all: 3 });
    const other = { tools: [tool('a', { inputSchema: { type: 'string' } }), tool('b'), tool('d')] };
    assert.deepEqual(compareLists(before, other, ['tools']), { unchanged: 1, all: 4 });
  });

  it('R11.6 a name in one list is not the same in another, and a list that is gone is missing', () => {
    const before = { tools: [tool('a')], resources: [{ uri: 'a' }], prompts: [tool('a')] };
    const after = { tools: [tool('a')], resources: [{ uri: 'a' }] };
    assert.deepEqual(compareLists(before, after, ['tools', 'resources', 'prompts']), {
      unchanged: 2,
      all: 3,
    });
    assert.deepEqual(compareLists(before, after, ['tools', 'resources']), { unchanged: 2, all: 2 });
  });

  it('R11.6 garbage counts for nothing, and nothing on either side is nothing', () => {
    const junk = { tools: [1, null, 'x', {}, { name: 5 }] };
    assert.deepEqual(compareLists(junk, junk, ['tools']), { unchanged: 0, all: 0 });
    assert.deepEqual(compareLists({}, {}, ['tools']), { unchanged: 0, all: 0 });
  });

  it('R11.6 is symmetric, all of itself, and never more than all', () => {
    const lists = fc.record({
      tools: fc.array(fc.record({ name: fc.constantFrom('a', 'b', 'c', 'd'), v: fc.nat(1) })),
    });
    fc.assert(
      fc.property(lists, lists, (one, other) => {
        const forth = compareLists(one, other, ['tools']);
        assert.deepEqual(forth, compareLists(other, one, ['tools']));
        assert.ok(forth.unchanged <= forth.all);
        const { unchanged, all } = compareLists(one, one, ['tools']);
        assert.equal(unchanged, all);
      }),
    );
  });
});
