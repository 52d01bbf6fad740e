import assert from 'node:assert/strict';
import { lastWords } from './lastWords.ts';

describe('last words of a server', () => {
  for (const [what, output, words] of [
    ['of nothing are nothing', ' \n\n', ''],
    ['are its last lines', 'one\ntwo\nthree\nfour\n', 'two | three | four'],
    [
      'of a program of Node are its error',
      "node:events:505\n    throw er;\n    ^\n\nError: write EPIPE\n    at WriteWrap (node:x:1)\n  errno: -32,\n  code: 'EPIPE'\n}\n\nNode.js v24.21.0\n",
      'Error: write EPIPE',
    ],
    [
      'of a program of Python are its exception',
      'INFO starting\nTraceback (most recent call last):\n  File "a.py", line 1, in <module>\nKeyError: \'API_KEY\'\n',
      "KeyError: 'API_KEY'",
    ],
    [
      'tell the error also when much follows it',
      'Error: no such database\none\ntwo\nthree\nfour\n',
      'Error: no such database | two | three | four',
    ],
  ] as const) {
    it(what, () => assert.equal(lastWords(output), words));
  }

  it('are bounded', () => {
    assert.ok(lastWords('x'.repeat(10_000)).length <= 501);
    const began = performance.now();
    lastWords(`${' '.repeat(2_000)}a${'('.repeat(2_000)}`);
    assert.ok(performance.now() - began < 200);
  });
});
