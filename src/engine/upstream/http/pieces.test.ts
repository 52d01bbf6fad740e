import assert from 'node:assert/strict';
import { Pieces } from './pieces.ts';
import { SseParser } from './sseParser.ts';

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

describe('bytes that come in pieces', () => {
  it('R14.3 are kept in few objects, however small they come', () => {
    const pieces = new Pieces();
    for (let at = 0; at < 100_000; at += 1) pieces.push(Buffer.from([48 + (at % 10)]));
    assert.equal(pieces.sizeBytes, 100_000);
    assert.ok(pieces.count < 1_000, String(pieces.count));
    assert.equal(text(pieces.join()), '0123456789'.repeat(10_000));
    assert.equal(text(pieces.head(12)), '012345678901');
  });

  it('one piece is not copied', () => {
    const pieces = new Pieces();
    const piece = Buffer.from('whole');
    pieces.push(piece);
    pieces.push(Buffer.alloc(0));
    assert.equal(pieces.join(), piece);
    pieces.clear();
    assert.equal(pieces.join().length, 0);
    assert.equal(pieces.head(10).length, 0);
  });

  it('R14.3 an event of very many lines is bounded like any other', () => {
    const sizes: number[] = [];
    const got: string[] = [];
    const parser = new SseParser(1_000, {
      onData: (data) => got.push(text(data)),
      onId: () => undefined,
      onRetry: () => undefined,
      onTooLong: (sizeBytes) => sizes.push(sizeBytes),
    });
    for (let line = 0; line < 5_000; line += 1) parser.push(Buffer.from('data\n'));
    parser.push(Buffer.from('\ndata: 1\ndata\ndata:2\n\n'));
    assert.equal(sizes.length, 1);
    assert.deepEqual(got, ['1  2']);
  });
});
