import assert from 'node:assert/strict';
import { cancellationOf, wireFormOf } from './wireForm.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (line: Uint8Array): string => new TextDecoder().decode(line);

describe('the form in which a shared server gets a request', () => {
  it('R3.5 replaces the id and nothing else', () => {
    const line = bytes(
      '{"jsonrpc":"2.0", "id" : "a\\u00e9" ,"method":"tools/call","params":{"id":7,"x":1.50}}',
    );
    assert.equal(
      text(wireFormOf(line, '12').line),
      '{"jsonrpc":"2.0", "id" : 12 ,"method":"tools/call","params":{"id":7,"x":1.50}}',
    );
  });

  for (const [what, line, expected] of [
    [
      'after the id',
      '{"id":1,"method":"m","params":{"_meta":{"progressToken":"a long token","k":1},"n":2}}',
      '{"id":345,"method":"m","params":{"_meta":{"progressToken":345,"k":1},"n":2}}',
    ],
    [
      'before the id',
      '{"method":"m","params":{"n":2,"_meta":{"progressToken":9}},"id":"one"}',
      '{"method":"m","params":{"n":2,"_meta":{"progressToken":345}},"id":345}',
    ],
    [
      'among equal names elsewhere',
      '{"id":1,"params":{"progressToken":1,"arguments":{"_meta":{"progressToken":1}},"_meta":{"progressToken":1}}}',
      '{"id":345,"params":{"progressToken":1,"arguments":{"_meta":{"progressToken":1}},"_meta":{"progressToken":345}}}',
    ],
  ] as const) {
    it(`R3.5 replaces a progress token ${what}`, () => {
      assert.equal(text(wireFormOf(bytes(line), '345').line), expected);
    });
  }

  it('R2.6 a cancellation names the request as the server knows it', () => {
    const line = bytes(
      '{"method":"notifications/cancelled","params":{"reason":"requestId","requestId":"x"}}',
    );
    assert.equal(
      text(cancellationOf(line, '5')),
      '{"method":"notifications/cancelled","params":{"reason":"requestId","requestId":5}}',
    );
  });
});
