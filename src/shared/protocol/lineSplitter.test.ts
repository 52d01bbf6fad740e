import assert from 'node:assert/strict';
import fc from 'fast-check';
import { LineSplitter } from './lineSplitter.ts';

const never = (): void => assert.fail('a line was called too long');
const decode = (lines: readonly Uint8Array[]): string[] =>
  lines.map((line) => new TextDecoder().decode(line));

describe('line splitter', () => {
  it('gives the same lines however the stream was cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme' }).map((s) => s.replace(/[\r\n]/g, '_'))),
        fc.array(fc.nat(20)),
        (lines, cuts) => {
          const splitter = new LineSplitter(1_000_000, never);
          const stream = new TextEncoder().encode(lines.map((line) => `${line}\n`).join(''));
          const got: string[] = [];
          let at = 0;
          for (let index = 0; at < stream.length; index += 1) {
            const size = cuts.length === 0 ? stream.length : (cuts[index % cuts.length] ?? 0) + 1;
            got.push(...decode(splitter.push(stream.subarray(at, at + size))));
            at += size;
          }
          assert.deepEqual(
            got,
            lines.filter((line) => line !== ''),
          );
          assert.ok(splitter.isAtLineStart());
        },
      ),
    );
  });

  it('takes the carriage return of a Windows line end off', () => {
    assert.deepEqual(decode(new LineSplitter(100, never).push(new TextEncoder().encode('a\r\nb\r\n'))), [
      'a',
      'b',
    ]);
  });

  it('drops a line over the limit, says so when it crosses it and when it ends, and goes on with the next', () => {
    const told: (string | number)[][] = [];
    const splitter = new LineSplitter(10, (size, head, tail) =>
      told.push([size, ...decode([head]), ...(tail === undefined ? [] : decode([tail]))]),
    );
    const got: string[] = [];
    for (const piece of ['short\nthis is ', 'far too long', ' for us', '\nnext\n']) {
      got.push(...decode(splitter.push(new TextEncoder().encode(piece))));
    }
    assert.deepEqual(got, ['short', 'next']);
    assert.deepEqual(told, [
      [20, 'this is '],
      [27, 'this is ', 'far too long for us'],
    ]);
  });

  it('keeps of a long line no more than its beginning and its end', () => {
    const tails: number[] = [];
    const splitter = new LineSplitter(10, (_size, _head, tail) => tails.push(tail?.length ?? 0));
    for (let piece = 0; piece < 1_000; piece += 1) splitter.push(new Uint8Array(100).fill(0x78));
    splitter.push(new TextEncoder().encode('\n'));
    assert.deepEqual(tails, [0, 256]);
  });
});
