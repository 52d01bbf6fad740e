import assert from 'node:assert/strict';
import { remembered } from './remembered.ts';

describe('what was read of a header before', () => {
  it('R13.2 is read once', () => {
    let read = 0;
    const lengthOf = remembered((text: string) => {
      read += 1;
      return text.length;
    });
    for (let turn = 0; turn < 3; turn += 1) assert.equal(lengthOf('four'), 4);
    assert.equal(read, 1);
  });

  it('R14.3 is bounded in number and size, and stays right', () => {
    let read = 0;
    const same = remembered((text: string) => {
      read += 1;
      return text;
    });
    for (let n = 0; n < 1_000; n += 1) assert.equal(same(`text ${n}`), `text ${n}`);
    same('text 0');
    assert.equal(read, 1_001, 'the first is forgotten by then');
    const long = 'x'.repeat(257);
    same(long);
    same(long);
    assert.equal(read, 1_003);
  });
});
