import assert from 'node:assert/strict';
import { alignedRows, printable, shortened } from './table.ts';

describe('text for a terminal', () => {
  it('has nothing in it that a terminal acts on', () => {
    assert.equal(printable('a\u001b[31mb\r\nc\u009bd\u0000'), 'a [31mb c d ');
  });

  it('is cut with a mark', () => {
    assert.deepEqual([shortened('1234', 4), shortened('12345', 4)], ['1234', '123…']);
  });

  it('stands in columns, coloured or not', () => {
    const rows = [
      [{ text: 'a' }, { text: 'b' }],
      [{ text: 'long', colour: 'red' as const }, { text: '' }],
    ];
    assert.equal(alignedRows(rows, false), 'a     b\nlong');
    assert.equal(alignedRows(rows, true), 'a     b\n\u001b[31mlong\u001b[0m');
  });
});
