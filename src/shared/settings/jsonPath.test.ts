import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseJsonPath, valueAt } from './jsonPath.ts';

describe('a JSON path', () => {
  const good: readonly (readonly [string, readonly (string | number)[]])[] = [
    ['$', []],
    ['$.phi', ['phi']],
    ['$.a.b[0]', ['a', 'b', 0]],
    ['$[-1]', [-1]],
    [`$['a b']["c\\"d"]`, ['a b', 'c"d']],
    [`$['it\\'s "it"']`, [`it's "it"`]],
    ['$["\\u263a\\n"]', ['☺\n']],
    ['$.größe._x1', ['größe', '_x1']],
    ['$ [ 0 ] .a', [0, 'a']],
    ['$["__proto__"]', ['__proto__']],
    ['$["0"]', ['0']],
  ];
  for (const [text, path] of good)
    it(`R11.7 understands ${text}`, () => {
      assert.deepEqual(parseJsonPath(text), path);
    });

  const bad = [
    '',
    'phi',
    '.phi',
    '$phi',
    '$.',
    '$.0a',
    '$..a',
    '$.*',
    '$[*]',
    '$[0:1]',
    '$[?@.a]',
    '$[0,1]',
    '$[01]',
    '$[-0]',
    '$[1.5]',
    '$["a]',
    `$['a"]`,
    '$["\\x"]',
    '$["a\nb"]',
    '$.a ',
    `$.${'a'.repeat(512)}`,
    `$${'.a'.repeat(33)}`,
    '$[99999999999999999999]',
  ];
  for (const text of bad)
    it(`R11.7 does not understand ${JSON.stringify(text.slice(0, 40))}`, () => {
      assert.equal(parseJsonPath(text), undefined);
    });

  it('R11.7 finds what is there, and nothing that is inherited', () => {
    const root = { a: { b: [1, { c: null }] }, phi: 0.5 };
    const at = (text: string): unknown => valueAt(root, parseJsonPath(text) ?? ['?']);
    assert.deepEqual(['$.phi', '$.a.b[0]', '$.a.b[-1].c', '$.a.b[-2]'].map(at), [0.5, 1, null, 1]);
    for (const text of [
      '$.a.b[2]',
      '$.a.b.length',
      '$.toString',
      '$["__proto__"]',
      '$[0]',
      '$.phi.x',
      '$.a.b[-3]',
    ])
      assert.equal(at(text), undefined, text);
    assert.equal(valueAt(JSON.parse('{"__proto__":7}'), ['__proto__']), 7);
  });

  it('R11.7 every name and index can be written, and is read as what it is', () => {
    const segment = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 8 }),
      fc.integer({ min: -99, max: 99 }),
    );
    fc.assert(
      fc.property(fc.array(segment, { maxLength: 10 }), (path) => {
        const text = `$${path.map((part) => `[${JSON.stringify(part === 0 ? 0 : part)}]`).join('')}`;
        fc.pre(text.length <= 512);
        assert.deepEqual(parseJsonPath(text), path);
      }),
    );
    fc.assert(
      fc.property(fc.string(), (text) => {
        parseJsonPath(`$${text}`);
      }),
    );
  });
});
