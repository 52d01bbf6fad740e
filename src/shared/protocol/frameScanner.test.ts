import assert from 'node:assert/strict';
import fc from 'fast-check';
import { messages, mutated } from '../../../test/support/mutatedJson.ts';
import { retainedMb } from '../../../test/support/retained.ts';
import { seededRandom } from '../base/random.ts';
import { canonicalId, memberRange, scanFrame, stringMember, textOf, withId } from './frameScanner.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Serializes with random white space between tokens and members in the given order. */
function spaced(entries: readonly (readonly [string, unknown])[], space: string): string {
  const members = entries.map(
    ([key, value]) => `${space}${JSON.stringify(key)}${space}:${space}${JSON.stringify(value)}${space}`,
  );
  return `${space}{${members.join(',')}}${space}`;
}

/** What `JSON.parse` says of the same text. */
function oracle(text: string): string {
  const value = JSON.parse(text) as Record<string, unknown>;
  const hasId = Object.hasOwn(value, 'id');
  const id = JSON.stringify(value['id']);
  const idIsUsable = typeof value['id'] === 'string' || typeof value['id'] === 'number';
  if (Object.hasOwn(value, 'method')) {
    if (typeof value['method'] !== 'string') return 'invalid';
    if (!hasId) return `notification ${value['method']}`;
    return idIsUsable ? `request ${value['method']} ${id}` : 'invalid';
  }
  const isError = Object.hasOwn(value, 'error');
  if (
    (isError || Object.hasOwn(value, 'result')) &&
    (idIsUsable || (isError && value['id'] === null && hasId))
  ) {
    return `response ${id} ${isError}`;
  }
  return 'invalid';
}

function said(text: string): string {
  const frame = scanFrame(bytes(text));
  switch (frame.kind) {
    case 'request':
      return `request ${frame.method} ${JSON.stringify(JSON.parse(frame.id))}`;
    case 'notification':
      return `notification ${frame.method}`;
    case 'response':
      return `response ${JSON.stringify(JSON.parse(frame.id))} ${frame.isError}`;
    case 'batch':
    case 'invalid':
      return frame.kind;
  }
}

describe('frame scanner', () => {
  it('agrees with JSON.parse on messages in any order, with any spacing and any contents', () => {
    const member = fc.oneof(
      fc.tuple(
        fc.constant('id'),
        fc.oneof(
          fc.integer(),
          fc.string(),
          fc.constant(null),
          fc.double({ noNaN: true, noDefaultInfinity: true }),
        ),
      ),
      fc.tuple(fc.constant('method'), fc.oneof(fc.string({ unit: 'grapheme' }), fc.integer())),
      fc.tuple(fc.constantFrom('params', 'result', 'error', 'jsonrpc'), fc.jsonValue()),
      fc.tuple(fc.string({ unit: 'grapheme' }), fc.jsonValue()),
    );
    fc.assert(
      fc.property(
        fc.array(member, { maxLength: 6 }),
        fc.constantFrom('', ' ', '\t \r\n'),
        (entries, space) => {
          // A repeated name is allowed on purpose: the last one counts.
          const text = spaced(entries, space);
          assert.equal(said(text), oracle(text));
        },
      ),
      { numRuns: 5_000 },
    );
  });

  it('R14.3 agrees with JSON.parse on 100,000 damaged messages, as far as they are JSON at all', () => {
    const random = seededRandom(7);
    const kinds = new Map<string, number>();
    for (let round = 0; round < 100_000; round += 1) {
      const text = mutated(messages, random);
      const { kind } = scanFrame(bytes(text));
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
      let expected: string;
      try {
        const value: unknown = JSON.parse(text);
        if (typeof value !== 'object' || value === null || Array.isArray(value)) continue;
        expected = oracle(text);
      } catch {
        continue; // only the structure of a message is checked here
      }
      const verdict = said(text);
      if (verdict !== expected) assert.fail(`${verdict}, not ${expected}: ${text}`);
    }
    for (const kind of ['request', 'response', 'notification', 'invalid'])
      assert.ok((kinds.get(kind) ?? 0) > 1_000, `${kind}: ${kinds.get(kind)}`);
  });

  it('replaces the id and leaves every other byte as it was', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.oneof(fc.integer(), fc.string({ unit: 'grapheme' })), (params, id) => {
        const line = bytes(
          spaced(
            [
              ['params', params],
              ['id', id],
              ['method', 'tools/call'],
              ['x', 'é"\\'],
            ],
            ' ',
          ),
        );
        const frame = scanFrame(line);
        assert.ok(frame.kind === 'request');
        const changed = withId(line, frame.idRange, '"lifeline:1:2"');
        const expected = { params, id: 'lifeline:1:2', method: 'tools/call', x: 'é"\\' };
        assert.deepEqual(JSON.parse(new TextDecoder().decode(changed)), JSON.parse(JSON.stringify(expected)));
        const again = scanFrame(changed);
        assert.ok(again.kind === 'request');
        const before = textOf(line, frame.idRange);
        assert.deepEqual(withId(changed, again.idRange, before), line);
      }),
    );
  });

  for (const [name, text] of [
    ['nothing', ''],
    ['garbage', 'Listening on port 3000'],
    ['half a message', '{"jsonrpc":"2.0","id":1,"result":{'],
    ['a message with a tail', '{"id":1,"result":{}} x'],
    ['NaN, as Python writes it', '{"jsonrpc":"2.0","id":1,"result":{"a":[NaN]}}'],
    ['a missing value', '{"id":1,"result":}'],
    ['too many closing brackets', '{"id":1,"result":{"a":]}}'],
    ['an unfinished string', '{"id":1,"result":"abc}'],
    ['an id that is an object', '{"id":{},"method":"x"}'],
    ['a string ending in a backslash', '{"id":1,"method":"x\\"}'],
  ] as const) {
    it(`calls ${name} invalid`, () => assert.equal(scanFrame(bytes(text)).kind, 'invalid'));
  }

  it('takes 0 and the empty string for real ids', () => {
    assert.equal(said('{"id":0,"method":"m"}'), 'request m 0');
    assert.equal(said('{"id":"","result":null}'), 'response "" false');
  });

  it('gives every spelling of an id the same key', () => {
    assert.equal(canonicalId('"\\u00e9"'), canonicalId('"é"'));
    assert.equal(canonicalId('1.0'), '1');
    assert.equal(canonicalId('"1"'), '"1"');
  });

  it('R14.3 calls what is nested too deep for others invalid, without recursion of its own', () => {
    const nested = (depth: number): string => `{"id":1,"result":${'['.repeat(depth)}${']'.repeat(depth)}}`;
    assert.equal(said(nested(900)), 'response 1 false');
    assert.deepEqual(scanFrame(bytes(nested(100_000))), { kind: 'invalid', id: '1' });
  });

  it('tells which request an answer with NaN in it belongs to', () => {
    assert.deepEqual(scanFrame(bytes('{"jsonrpc":"2.0","id":"a","result":{"x":NaN}}')), {
      kind: 'invalid',
      id: '"a"',
    });
    assert.deepEqual(scanFrame(bytes('{"jsonrpc":"2.0","id":"a","method":"x","params":{"x":NaN}}')), {
      kind: 'invalid',
      requestId: '"a"',
    });
  });

  it('R14.3 takes an id of megabytes for invalid, and survives it', () => {
    assert.deepEqual(scanFrame(bytes(`{"id":"${'x'.repeat(20_000_000)}","method":"m"}`)), {
      kind: 'invalid',
    });
  });

  it('finds members inside params, and only there', () => {
    const line = bytes(
      '{"name":"outer","method":"tools/call","id":1,"params":{"arguments":{"name":"in"},"name":"ec\\u0068o"}}',
    );
    const frame = scanFrame(line);
    assert.ok(frame.kind === 'request' && frame.params !== undefined);
    assert.equal(stringMember(line, frame.params, 'name'), 'echo');
    const args = memberRange(line, frame.params, 'arguments');
    assert.equal(args && textOf(line, args), '{"name":"in"}');
    assert.equal(stringMember(line, frame.params, 'missing'), undefined);
  });

  it('tells a batch from a broken one', () => {
    assert.equal(said('[{"id":1,"method":"m"}]'), 'batch');
    assert.equal(said('[{"id":1,"method":"m"}'), 'invalid');
  });

  it('R14.3 a text that is known from then on does not keep the chunk alive in which it came', () => {
    const chunks = Array.from({ length: 200 }, (_, n) => Buffer.from(`{"id":1,"method":"only/${n}"}`));
    const mb = retainedMb(() => {
      for (const text of chunks) {
        const chunk = Buffer.alloc(262_144);
        text.copy(chunk);
        scanFrame(chunk.subarray(0, text.length));
      }
    });
    assert.ok(mb < 5, `${mb.toFixed(1)} MB are kept`);
  });
});
