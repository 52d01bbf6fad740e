import assert from 'node:assert/strict';
import fc from 'fast-check';
import { frameRecord, readRecords } from './frames.ts';

const bodies = ['first', 'second', 'LL\u00a7third', 'fourth'].map((text) => Buffer.from(text));
const file = Buffer.concat(bodies.map(frameRecord));
const read = (bytes: Buffer): string[] => {
  const found: string[] = [];
  readRecords(bytes, (body) => found.push(body.toString()));
  return found;
};
const all = bodies.map(String);
/** Where each record begins and ends. */
const places = bodies.map((_, index) => {
  const lengths = bodies.slice(0, index + 1).map((body) => frameRecord(body).length);
  const end = lengths.reduce((sum, length) => sum + length, 0);
  return { start: end - (lengths.at(-1) ?? 0), end };
});

describe('records in a file', () => {
  it('R14.3 a file that was cut anywhere keeps every record before the cut', () => {
    for (let length = 0; length <= file.length; length += 1) {
      const whole = all.filter((_, index) => places[index]!.end <= length);
      assert.deepEqual(read(file.subarray(0, length)), whole, `cut at ${length}`);
      // What a next engine adds is found behind the torn one.
      const later = Buffer.concat([file.subarray(0, length), frameRecord(Buffer.from('later'))]);
      assert.deepEqual(read(later), [...whole, 'later'], `gone on at ${length}`);
    }
  });

  it('R14.3 a byte that was changed costs the record that it is in, and no other', () => {
    for (let at = 0; at < file.length; at += 1) {
      for (const mask of [0x01, 0x80, 0xff]) {
        const broken = Buffer.from(file);
        broken[at] = broken[at]! ^ mask;
        const others = all.filter((_, index) => at < places[index]!.start || at >= places[index]!.end);
        assert.deepEqual(read(broken), others, `byte ${at}`);
      }
    }
  });

  it('tells how much it passed over, and nothing of a whole file', () => {
    assert.equal(
      readRecords(file, () => undefined),
      0,
    );
    assert.equal(
      readRecords(Buffer.concat([Buffer.alloc(5, 1), file, Buffer.alloc(3, 0x4c)]), () => undefined),
      8,
    );
  });

  it('R14.3 takes anything for a file, and gives only what it was given', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 100 }), (garbage, body) => {
        const bytes = Buffer.concat([garbage, frameRecord(body), garbage]);
        const found: string[] = [];
        const passedOver = readRecords(bytes, (each) => found.push(each.toString('hex')));
        assert.deepEqual(found, [Buffer.from(body).toString('hex')]);
        assert.equal(passedOver, 2 * garbage.length);
      }),
    );
  });

  it('R14.3 is done soon with a file that is full of what looks like records', () => {
    const head = frameRecord(Buffer.alloc(8_000));
    head[4] = head[4]! ^ 1;
    const hostile = Buffer.concat(Array.from({ length: 500_000 }, () => head.subarray(0, 8)));
    assert.equal(
      readRecords(hostile, () => assert.fail('it is none')),
      hostile.length,
    );
  });
});
