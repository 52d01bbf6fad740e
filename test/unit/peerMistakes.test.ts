import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

/** The table of docs/testing.md: number, mistake, proof. */
const rows = read('docs/testing.md')
  .split('\n')
  .flatMap((line) => {
    const [, number, mistake, proof] = /^\|\s*(\d+)\s*\|\s*(.+?)\s*\|\s*(.+?)\s*\|$/.exec(line) ?? [];
    return number === undefined || mistake === undefined || proof === undefined
      ? []
      : [{ number: Number(number), mistake, proof }];
  });

describe('the mistakes of peers', () => {
  it('are all in the table, each once', () => {
    assert.deepEqual(
      rows.map(({ number }) => number),
      Array.from({ length: 19 }, (_, index) => index + 1),
    );
  });

  for (const { number, proof } of rows) {
    it(`${number}: has tests that are there, or a reason why it cannot be made yet`, () => {
      const tests = [...proof.matchAll(/`([^`]+\.test\.ts)`: “([^”]+)”/g)];
      if (tests.length === 0) assert.match(proof, /^Not yet: /);
      for (const [, file = '', title = ''] of tests)
        assert.ok(read(file).includes(title), `${file} has no test “${title}”`);
    });
  }
});
