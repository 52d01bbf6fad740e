/**
 * `npm run requirements`: which requirements a test names in its title, and which none does. It fails when a test names an id
 * that does not exist; a requirement without a test is told, not failed, because later versions bring theirs.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Numbers of the requirements per chapter; chapter 2 has requirements without a number of their own (its table). */
const chapters = {
  1: [1, 2, 3, 4, 5, 6, 7, 8],
  2: [1, 2, 3, 4, 5, 6, 7],
  3: [1, 2, 3, 4, 5, 6, 7, 8, 9],
  4: [1, 2, 3, 4],
  5: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
  6: [1, 2, 3],
  7: [1, 2, 3, 4, 5],
  8: [1, 2, 3, 4, 5, 6],
  9: [1, 2],
  10: [1, 2, 3],
  11: [1, 2, 3, 4, 5, 6, 7, 8],
  12: [1, 2, 3, 4, 5, 6, 7],
  13: [1, 2, 3, 4, 5],
  14: [1, 2, 3, 4, 5, 6],
  15: [1, 2, 3],
};
const known = Object.entries(chapters).flatMap(([chapter, numbers]) => [
  `R${chapter}`,
  ...numbers.map((number) => `R${chapter}.${number}`),
]);

const files = execFileSync('git', ['ls-files', '*.test.ts'], { encoding: 'utf8' })
  .split('\n')
  .filter(Boolean);
const titles = /\bit\(\s*[`'"]((?:R\d+(?:\.\d+)?[a-z]? )+)/g;
const tests = new Map();
for (const file of files) {
  for (const [, ids] of readFileSync(file, 'utf8').matchAll(titles)) {
    for (const id of ids.trim().split(' ')) tests.set(id, (tests.get(id) ?? 0) + 1);
  }
}
const unknown = [...tests.keys()].filter((id) => !known.includes(id));
for (const id of known.filter((id) => id.includes('.'))) {
  console.log(`${id.padEnd(6)} ${tests.has(id) ? `${tests.get(id)} tests` : 'no test'}`);
}
if (unknown.length > 0) console.error(`Tests name requirements that do not exist: ${unknown.join(', ')}`);
process.exitCode = unknown.length === 0 ? 0 : 1;
