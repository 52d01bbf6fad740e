import assert from 'node:assert/strict';
import fc from 'fast-check';
import { messages, mutated } from '../../../test/support/mutatedJson.ts';
import { seededRandom } from '../base/random.ts';
import { isJson } from './jsonCheck.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function platformSays(bytes: Uint8Array): boolean {
  try {
    JSON.parse(decoder.decode(bytes));
    return true;
  } catch {
    return false;
  }
}

describe('JSON check', () => {
  it('R14.3 says of 100,000 damaged messages what JSON.parse says, wherever they stand in memory', () => {
    const random = seededRandom(13);
    const room = new Uint8Array(4_096);
    let good = 0;
    for (let round = 0; round < 100_000; round += 1) {
      const bytes = encoder.encode(mutated(messages, random));
      const from = round % 8;
      room.set(bytes, from);
      const expected = platformSays(bytes);
      if (expected) good += 1;
      // What stands behind the text must not count.
      const text = room.subarray(from, from + bytes.length);
      if (isJson(text) !== expected) assert.fail(`${expected} expected of ${decoder.decode(bytes)}`);
    }
    assert.ok(good > 10_000 && good < 90_000, `${good} of them were good`);
  });

  it('R14.3 agrees on any value, and on any bytes', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.constantFrom(undefined, 1, '\t'), (value, space) => {
        assert.equal(isJson(encoder.encode(JSON.stringify(value, undefined, space))), true);
      }),
      { numRuns: 2_000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (garbage) => {
        const text = Uint8Array.of(0x22, ...garbage, 0x22);
        assert.equal(isJson(garbage), platformSays(garbage));
        assert.equal(isJson(text), platformSays(text));
      }),
      { numRuns: 5_000 },
    );
  });

  for (const [what, text, expected] of [
    ['nothing', '', false],
    ['what is nested 1,000 deep', '['.repeat(1_000) + ']'.repeat(1_000), true],
    ['what is nested deeper', '['.repeat(1_001) + ']'.repeat(1_001), false],
    ['the same without its end', '['.repeat(1_000), false],
    ['a control character in a long string', `"${'x'.repeat(99)}\u001f${'x'.repeat(99)}"`, false],
    ['a long string without an end', `"${'x'.repeat(1_000)}`, false],
    ['an escape at the end', `"${'x'.repeat(1_000)}\\`, false],
    ['half a code point', `"${'x'.repeat(100)}\\u12"`, false],
    ['a comma too many', '[1,]', false],
    ['a name without quotes', '{a:1}', false],
    ['minus alone', '-', false],
    ['two values', '1 2', false],
  ] as const) {
    it(`${expected ? 'takes' : 'refuses'} ${what}`, () => {
      assert.equal(isJson(encoder.encode(text)), expected);
    });
  }
});
