import assert from 'node:assert/strict';
import { asNumber, readNumber } from './readNumber.ts';

const texts = (...all: string[]) => ({ content: all.map((text) => ({ type: 'text', text })) });

describe('the number in what a tool answered', () => {
  it('R11.7 is taken from the structured content, else from a text that is JSON', () => {
    const path = ['a', 0];
    assert.equal(readNumber({ structuredContent: { a: [1] }, ...texts('{"a":[2]}') }, path), 1);
    assert.equal(readNumber({ structuredContent: { a: ['x'] }, ...texts('{"a":[2]}') }, path), 2);
    assert.equal(readNumber(texts('The load is', 'not JSON', '{"a":["3.5"]}'), path), 3.5);
    assert.equal(readNumber(texts('0.25'), []), 0.25);
  });

  it('R11.7 is a number, or a text that is one, and nothing else', () => {
    const numbers = [0, -1.5, '2', ' 3.5 ', '-4e2', '+.5'];
    assert.deepEqual(numbers.map(asNumber), [0, -1.5, 2, 3.5, -400, 0.5]);
    const others = [
      '',
      ' ',
      '1,5',
      '0x10',
      '1e999',
      'Infinity',
      'NaN',
      NaN,
      Infinity,
      true,
      null,
      [],
      [1],
      {},
      undefined,
    ];
    assert.deepEqual(
      others.map(asNumber),
      others.map(() => undefined),
    );
  });

  it('R11.7 is not found in garbage', () => {
    for (const junk of [
      null,
      5,
      'x',
      [],
      { content: 5 },
      { content: [5, null, { type: 'text' }, { type: 'image', text: '1' }] },
    ])
      assert.equal(readNumber(junk, []), undefined);
    assert.equal(readNumber(texts(`${' '.repeat(1_048_577)}1`), []), undefined);
    assert.equal(readNumber({ structuredContent: { valueOf: 1 } }, ['toString']), undefined);
  });
});
