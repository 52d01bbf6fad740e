import assert from 'node:assert/strict';
import fc from 'fast-check';
import { formatTraceparent, inject, isSampled, parseTraceparent, readMeta } from './traceContext.ts';
import { findMembers } from '../../../shared/protocol/frameScanner.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const bytes = (text: string): Uint8Array => Buffer.from(text);
const NEW = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`;

describe('trace context', () => {
  it('R11.8 reads a traceparent as the W3C says', () => {
    const context = parseTraceparent(`00-${TRACE}-${SPAN}-01`);
    assert.deepEqual(context, { traceId: TRACE, spanId: SPAN, flags: 1 });
    assert.equal(formatTraceparent(context), `00-${TRACE}-${SPAN}-01`);
    assert.equal(isSampled({ flags: 2 }), false);
    // Bits without a meaning are not passed on.
    assert.equal(parseTraceparent(`00-${TRACE}-${SPAN}-ff`)?.flags, 3);
    // Versions to come are read as far as they are known.
    assert.equal(parseTraceparent(`cc-${TRACE}-${SPAN}-01-what-comes-later`)?.traceId, TRACE);
    assert.equal(parseTraceparent(`cc-${TRACE}-${SPAN}-01`)?.spanId, SPAN);
  });

  it('R11.8 ignores a traceparent that is not valid', () => {
    const bad = [
      undefined,
      '',
      `00-${TRACE}-${SPAN}-01-`,
      `00-${TRACE}-${SPAN}-01-more`,
      `00-${TRACE}-${SPAN}-01 `,
      ` 00-${TRACE}-${SPAN}-01`,
      `ff-${TRACE}-${SPAN}-01`,
      `cc-${TRACE}-${SPAN}-01.more`,
      `00-${TRACE.toUpperCase()}-${SPAN}-01`,
      `00-${'0'.repeat(32)}-${SPAN}-01`,
      `00-${TRACE}-${'0'.repeat(16)}-01`,
      `00-${TRACE.slice(1)}-${SPAN}-01`,
      `00-${TRACE}-${SPAN}-1`,
      `00-${TRACE}-${SPAN}-0g`,
      `0-${TRACE}-${SPAN}-01`,
      `cc-${TRACE}-${SPAN}-01-${'x'.repeat(1_000)}`,
    ];
    for (const text of bad) assert.equal(parseTraceparent(text), undefined, text);
  });

  const metaOf = (line: Uint8Array) => {
    const [params] = findMembers(line, { start: 0, end: line.length }, ['params']);
    const [meta] = params === undefined ? [] : findMembers(line, params, ['_meta']);
    return readMeta(line, meta);
  };

  it('R11.8 puts it where it stood, or where it belongs, and changes no other byte', () => {
    const table: [string, string][] = [
      [
        ` {"id": 1.0 , "method":"tools/call", "params" : {"name":"a","arguments":{"x":1e2},"_meta":{ "progressToken":7, "traceparent" : "old" }}} `,
        ` {"id": 1.0 , "method":"tools/call", "params" : {"name":"a","arguments":{"x":1e2},"_meta":{ "progressToken":7, "traceparent" : "${NEW}" }}} `,
      ],
      [
        `{"id":1,"params":{"name":"a","_meta":{}},"method":"m"}`,
        `{"id":1,"params":{"name":"a","_meta":{"traceparent":"${NEW}"}},"method":"m"}`,
      ],
      [
        `{"id":1,"params":{"_meta":{"x":1 }},"method":"m"}`,
        `{"id":1,"params":{"_meta":{"x":1 ,"traceparent":"${NEW}"}},"method":"m"}`,
      ],
      [
        `{"id":1,"params":{ },"method":"m"}`,
        `{"id":1,"params":{ "_meta":{"traceparent":"${NEW}"}},"method":"m"}`,
      ],
      [`{"id":1,"method":"m"} `, `{"id":1,"method":"m","params":{"_meta":{"traceparent":"${NEW}"}}} `],
      [`{"id":1,"params":[1],"method":"m"}`, `{"id":1,"params":[1],"method":"m"}`],
      [`{"id":1,"params":{"_meta":null},"method":"m"}`, `{"id":1,"params":{"_meta":null},"method":"m"}`],
    ];
    for (const [before, after] of table)
      assert.equal(Buffer.from(inject(bytes(before), { traceparent: NEW })).toString(), after);
  });

  it('R11.8 of a name that is there twice the last one counts, and is the one that is replaced', () => {
    const line = bytes(`{"params":{"_meta":{"traceparent":"a","x":1,"traceparent":"b"}}}`);
    const result = inject(line, { traceparent: NEW });
    assert.equal(metaOf(result).traceparent, NEW);
  });

  it('R11.8 whatever stands in a message, what is read back is what was put in, and the rest is as it was', () => {
    const text = fc.string({ unit: 'binary', maxLength: 12 });
    const meta = fc.dictionary(
      fc.oneof(fc.constantFrom('traceparent', 'tracestate', 'baggage', 'progressToken'), text),
      fc.jsonValue({ maxDepth: 2 }),
      { maxKeys: 5, noNullPrototype: true },
    );
    const params = fc.record({ name: text, arguments: fc.jsonValue(), _meta: meta }, { requiredKeys: [] });
    fc.assert(
      fc.property(fc.option(params, { nil: undefined }), fc.boolean(), (given, withMore) => {
        const injected = { traceparent: NEW, ...(withMore ? { tracestate: 'a=b', baggage: 'k="\\v' } : {}) };
        const line = bytes(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'm', params: given }));
        const result = JSON.parse(Buffer.from(inject(line, injected)).toString()) as {
          params: { _meta: object };
        };
        const { _meta: before, ...rest } = given ?? {};
        const { _meta: after, ...others } = result.params;
        assert.deepEqual(others, JSON.parse(JSON.stringify(rest)));
        assert.deepEqual(after, JSON.parse(JSON.stringify({ ...before, ...injected })));
      }),
    );
  });
});
