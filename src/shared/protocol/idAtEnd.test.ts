import assert from 'node:assert/strict';
import { idAtEnd } from './idAtEnd.ts';

const idOf = (text: string): string | undefined => idAtEnd(new TextEncoder().encode(text));

describe('the id at the end of a message', () => {
  for (const [text, id] of [
    ['"text":"x"}]},"jsonrpc":"2.0","id":17}', '17'],
    ['xxxx"}, "id" : "a-1" } ', '"a-1"'],
    ['xx"},"id":-1}\r', '-1'],
    ['"params":{"id":5}}', undefined],
    ['"text":"\\"id\\":5}', undefined],
    ['"text":"said \\",\\"id\\":5}', undefined],
    ['"id":5,"result":{}}', undefined],
    ['"id":null}', undefined],
    ['', undefined],
  ] as const) {
    it(`of ${JSON.stringify(text)} is ${id}`, () => assert.equal(idOf(text), id));
  }
});
