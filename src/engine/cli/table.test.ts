import assert from 'node:assert/strict';
import {
  alignedRows,
  fittedTable,
  printable,
  shortened,
  wantsColours,
  widthOf,
  wrapped,
  type Column,
} from './table.ts';

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

describe('a table for a terminal', () => {
  const columns: Column<{ name: string; error: string }>[] = [
    { title: 'NAME', importance: 9, minWidth: 4, cell: ({ name }) => name },
    { title: 'CALLS', importance: 1, isNumber: true, cell: () => '12' },
    { title: 'ERROR', importance: 5, minWidth: 6, cell: ({ error }) => ({ text: error, colour: 'red' }) },
  ];
  const rows = [
    { name: 'git', error: 'it ended' },
    { name: '日本語サーバー', error: '-' },
  ];
  const table = (width: number, isColoured = false): string[] =>
    fittedTable(columns, rows, { width, isColoured });

  it('R15.1 counts wide characters as two columns, and combining ones as none', () => {
    assert.deepEqual(['a', '日', 'e\u0301', '👩‍💻', '…'].map(widthOf), [1, 2, 1, 2, 1]);
    assert.deepEqual(table(80), [
      'NAME            CALLS  ERROR',
      'git                12  it ended',
      '日本語サーバー     12  -',
    ]);
    assert.equal(shortened('日本語', 4), '日…');
  });

  it('R15.1 cuts what is least important, then leaves columns out, and is never wider than the terminal', () => {
    assert.deepEqual(table(25)[2], '日本語サ…      12  -');
    assert.deepEqual(table(16), ['NAME      ERROR', 'git       it en…', '日本語…   -']);
    for (let width = 3; width < 40; width += 1)
      for (const line of table(width)) assert.ok(widthOf(line) <= width, `${width}: ${line}`);
    assert.equal(table(16, true)[1], 'git       \u001b[31mit en…\u001b[0m');
  });

  it('R15.1 breaks lines at blanks, and cuts words that are longer', () => {
    assert.deepEqual(wrapped('it ended with code 3', 9), ['it ended', '  with', '  code 3']);
    assert.deepEqual(wrapped('aaaaaaaaaaaa bb', 6), ['aaaaa…', '  bb']);
  });

  it('R15.1 is coloured on a terminal that wants it, and where it is asked for', () => {
    const cases: [boolean, NodeJS.ProcessEnv, boolean][] = [
      [true, {}, true],
      [false, {}, false],
      [true, { NO_COLOR: '1' }, false],
      [true, { NO_COLOR: '' }, true],
      [true, { TERM: 'dumb' }, false],
      [false, { FORCE_COLOR: '1' }, true],
      [false, { FORCE_COLOR: '1', NO_COLOR: '1' }, true],
      [true, { FORCE_COLOR: '0' }, false],
    ];
    for (const [isTTY, env, wanted] of cases)
      assert.equal(wantsColours({ isTTY }, env), wanted, JSON.stringify([isTTY, env]));
  });

  it('R14.4 turns no reading order around', () => {
    assert.equal(printable('a\u202eb\u2066c'), 'a b c');
  });
});
