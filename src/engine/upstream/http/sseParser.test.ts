import assert from 'node:assert/strict';
import { createParser } from 'eventsource-parser';
import fc from 'fast-check';
import { SseParser } from './sseParser.ts';

interface Seen {
  readonly data: string[];
  readonly ids: string[];
  readonly retries: number[];
  readonly tooLong: { size: number; head: string }[];
}

/** What our parser makes of a stream that comes in these pieces. */
function parse(pieces: readonly Uint8Array[], maxBytes = 1_000_000): { seen: Seen; parser: SseParser } {
  const seen: Seen = { data: [], ids: [], retries: [], tooLong: [] };
  const parser = new SseParser(maxBytes, {
    onData: (data) => seen.data.push(Buffer.from(data).toString()),
    onId: (id) => seen.ids.push(id),
    onRetry: (delayMs) => seen.retries.push(delayMs),
    onTooLong: (size, head) => seen.tooLong.push({ size, head: Buffer.from(head).toString() }),
  });
  for (const piece of pieces) parser.push(piece);
  return { seen, parser };
}

const bytes = (text: string): Uint8Array => Buffer.from(text);

/** What a well-kept library makes of the same; line ends in data are blanks for us, and empty data nothing. */
function oracle(text: string): string[] {
  const data: string[] = [];
  const parser = createParser({
    onEvent: (event) => {
      if (event.data !== '') data.push(event.data.replaceAll('\n', ' '));
    },
  });
  parser.feed(text);
  return data;
}

describe('event streams', () => {
  const line = fc.oneof(
    { weight: 4, arbitrary: fc.string({ unit: 'grapheme', maxLength: 20 }).map((text) => `data: ${text}`) },
    fc.constantFrom(
      '',
      '',
      '',
      'data',
      'data:',
      'data:x',
      ': comment',
      'id: 7',
      'event: message',
      'retry: 5',
      'other: x',
    ),
  );
  const stream = fc
    .array(fc.tuple(line, fc.constantFrom('\n', '\r\n', '\r')), { maxLength: 30 })
    // A lone carriage return within data would be a line end, and an odd one out.
    .map((lines) => lines.map(([text, end]) => text.replaceAll(/[\r\n\0]/g, '') + end).join('') + '\n\n');

  it('R3.6 are read as a well-kept library reads them, however they are cut', () => {
    fc.assert(
      fc.property(stream, fc.array(fc.nat(200), { maxLength: 10 }), (text, cuts) => {
        const whole = bytes(text);
        const at = [...new Set(cuts.map((cut) => Math.min(cut, whole.length)))].sort((a, b) => a - b);
        const pieces = [0, ...at].map((from, index) => whole.subarray(from, at[index] ?? whole.length));
        assert.deepEqual(parse(pieces).seen.data, oracle(text));
      }),
      { numRuns: 3_000 },
    );
  });

  it('R3.6 tell their ids and the delay they ask for', () => {
    const { seen } = parse([
      bytes('id: a\nretry: 1500\ndata: \n\nid: b\ndata: x\n\nretry: soon\nid: \0\n\n'),
    ]);
    assert.deepEqual(seen, { data: ['x'], ids: ['a', 'b'], retries: [1_500], tooLong: [] });
  });

  it('R14.3 drop an event over the limit, tell its beginning, and go on with the next', () => {
    const long = 'y'.repeat(1_000);
    for (const size of [1, 7, 64, 5_000]) {
      const text = `data: first\n\ndata: ${long}\ndata: ${long}\nid: 3\n\ndata: last\n\n`;
      const pieces = [];
      for (let at = 0; at < text.length; at += size) pieces.push(bytes(text.slice(at, at + size)));
      const { seen } = parse(pieces, 100);
      assert.deepEqual(seen.data, ['first', 'last'], `pieces of ${size}`);
      assert.equal(seen.tooLong.length, 1);
      assert.match(seen.tooLong[0]?.head ?? '', /^y+$/);
    }
  });

  it('R2 know whether they are within an event, for the read timeout', () => {
    const states = ['data: x', '\n', '\n', ': still here\n', 'data'].map((_, index, all) => {
      const { parser } = parse(all.slice(0, index + 1).map(bytes));
      return parser.isWithinEvent;
    });
    assert.deepEqual(states, [true, true, false, false, true]);
  });
});
