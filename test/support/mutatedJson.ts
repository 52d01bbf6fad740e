import type { Random } from '../../src/shared/base/random.ts';

const bits = [
  '"',
  '\\',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '0',
  '01',
  '1e5',
  '.',
  '-',
  ' ',
  '\n',
  '\t',
  'é',
  '世',
];
bits.push(
  'NaN',
  'null',
  'true',
  '"id"',
  '"id":7',
  '"method"',
  '\\u0041',
  '\\u00',
  '\u0001',
  '\u007f',
  'x'.repeat(40),
);

/** One of the texts, with up to four changes that are likely to matter to a reader of JSON. */
export function mutated(texts: readonly string[], random: Random): string {
  const below = (count: number): number => Math.floor(random() * count);
  let text = texts[below(texts.length)] ?? '';
  for (let changes = below(5); changes > 0; changes -= 1) {
    const at = below(text.length + 1);
    const bit = bits[below(bits.length)] ?? '';
    const [from, to] = [
      [at, at],
      [at, at + 1 + below(4)],
      [at, at + bit.length],
    ][below(3)] as [number, number];
    text = text.slice(0, from) + (below(3) === 0 ? '' : bit) + text.slice(to);
  }
  return text;
}

/** JSON-RPC messages, and texts like them, to begin with. */
export const messages: readonly string[] = [
  '{"jsonrpc":"2.0","id":12,"method":"tools/call","params":{"name":"read","arguments":{"a":[1,2,{"b":"x\\"y\\\\"}]}}}',
  '{"jsonrpc":"2.0","id":"ab\\u00e9","result":{"content":[{"type":"text","text":"hello \\n world"}]}}',
  ' { "method" : "x" , "id" : 0 } ',
  '{"id":-1.5e3,"error":{"code":1,"message":""}}',
  `{"\\u0069d":7,"result":"${'y'.repeat(60)}\\\\","x":{}}`,
  `{"id":1,"id":2,"result":"${'\\"'.repeat(40)}"}`,
  `{"result":{"text":"${'abcdefg é '.repeat(12)}","list":[null,true,false,-0.5,1E+2,[],{}]},"id":3}`,
  '{"method":"notifications/progress","params":{"progressToken":"t","progress":0.5}}',
];
