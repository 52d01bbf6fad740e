import assert from 'node:assert/strict';
import fc from 'fast-check';
import { memberRange } from './frameScanner.ts';
import { addMember, appendItem, membersOf } from './insert.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (of: Uint8Array | undefined): string => new TextDecoder().decode(of);
const rangeOf = (line: Uint8Array, name: string) => memberRange(line, { start: 0, end: line.length }, name)!;

describe('putting something into a message', () => {
  it('leaves everything else byte for byte as it was', () => {
    const line = bytes('{ "a" : [ 1.50, "\\u00e9]" ] , "b":[ ],"c": { } }');
    assert.equal(
      text(appendItem(line, rangeOf(line, 'a'), '2')),
      '{ "a" : [ 1.50, "\\u00e9]" ,2] , "b":[ ],"c": { } }',
    );
    assert.equal(
      text(appendItem(line, rangeOf(line, 'b'), '2')),
      '{ "a" : [ 1.50, "\\u00e9]" ] , "b":[ 2],"c": { } }',
    );
    assert.equal(
      text(addMember(line, rangeOf(line, 'c'), 'd"', '2')),
      '{ "a" : [ 1.50, "\\u00e9]" ] , "b":[ ],"c": { "d\\"":2} }',
    );
  });

  it('puts nothing where it does not belong', () => {
    const line = bytes('{"a":"[]","b":{}}');
    assert.equal(appendItem(line, rangeOf(line, 'a'), '1'), undefined);
    assert.equal(appendItem(line, rangeOf(line, 'b'), '1'), undefined);
    assert.equal(addMember(line, rangeOf(line, 'a'), 'x', '1'), undefined);
    assert.equal(membersOf(line, rangeOf(line, 'a'), ['x']).size, 0);
  });

  it('gives what parsing, changing and writing would give', () => {
    fc.assert(
      fc.property(
        fc.array(fc.jsonValue()),
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.jsonValue(),
        (list, object, more) => {
          const line = bytes(JSON.stringify({ list, object }, null, 1));
          const appended = appendItem(line, rangeOf(line, 'list'), JSON.stringify(more));
          assert.deepEqual(
            (JSON.parse(text(appended)) as { list: unknown }).list,
            JSON.parse(JSON.stringify([...list, more])),
          );
          const added = addMember(line, rangeOf(line, 'object'), 'new', JSON.stringify(more));
          const expected = JSON.parse(JSON.stringify({ ...object, new: more })) as unknown;
          assert.deepEqual((JSON.parse(text(added)) as { object: unknown }).object, expected);
        },
      ),
    );
  });
});
