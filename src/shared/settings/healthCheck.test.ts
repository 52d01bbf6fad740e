import assert from 'node:assert/strict';
import { parseHealthCheck } from './healthCheck.ts';

const problemOf = (value: unknown): string => {
  const read = parseHealthCheck(value);
  return 'problem' in read ? read.problem : 'none';
};

describe('own health check', () => {
  it('R5.7 is a tool, a URL or a command', () => {
    assert.deepEqual(parseHealthCheck({ tool: 'status', arguments: { deep: true } }), {
      check: { kind: 'tool', tool: 'status', arguments: { deep: true } },
    });
    assert.deepEqual(parseHealthCheck({ tool: 'status' }), {
      check: { kind: 'tool', tool: 'status', arguments: {} },
    });
    const url = 'http://127.0.0.1:8080/health';
    assert.deepEqual(parseHealthCheck({ url }), { check: { kind: 'url', url } });
    assert.deepEqual(parseHealthCheck({ command: 'pg_isready', args: ['-q'] }), {
      check: { kind: 'command', command: 'pg_isready', args: ['-q'] },
    });
  });

  for (const [what, value, words] of [
    ['no object', 'ping', /must be an object/],
    ['nothing', {}, /exactly one of/],
    ['two at once', { tool: 'a', url: 'http://x' }, /exactly one of/],
    ['an unknown key', { tool: 'a', every: 5 }, /"every", which does not go with "tool"/],
    ['an empty tool', { tool: ' ' }, /must name a tool/],
    ['arguments that are a list', { tool: 'a', arguments: [] }, /"arguments"/],
    ['huge arguments', { tool: 'a', arguments: { text: 'x'.repeat(70_000) } }, /64 KB/],
    ['another protocol', { url: 'file:///etc/passwd' }, /begins with/],
    ['a password in the URL', { url: 'http://a:b@example.com' }, /without user name/],
    ['no URL', { url: 'example' }, /must have a "url"/],
    ['an argument that is no text', { command: 'x', args: [1] }, /"args"/],
    ['a NUL in the command', { command: 'x\0y' }, /names a program/],
  ] as const) {
    it(`R5.7 R14.3 with ${what} it cannot be used, and says so`, () => {
      assert.match(problemOf(value), words);
      assert.match(problemOf(value), /checked by ping only$/);
    });
  }
});
