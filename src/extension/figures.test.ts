import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { counted, duration, localNumber, percentWords } from './figures.ts';
import { untranslated, type Translate } from './translate.ts';

const bundlePath = join(import.meta.dirname, '..', '..', 'l10n', 'bundle.l10n.pt-br.json');
const bundle = JSON.parse(readFileSync(bundlePath, 'utf8')) as Record<string, string>;
const portuguese: Translate = (message, ...args) => untranslated(bundle[message] ?? message, ...args);

describe('figures in words', () => {
  const samples = (t: Translate, count: number): string =>
    counted(t, count, 'one sample, {1}', '{0} samples, from {1} to {2}', 'a', 'b');

  it('R1.5 puts a noun into the form that the count takes in the language of the words', () => {
    assert.deepEqual(
      [0, 1, 2].map((count) => samples(untranslated, count)),
      ['0 samples, from a to b', 'one sample, a', '2 samples, from a to b'],
    );
    assert.deepEqual(
      [1, 2].map((count) => samples(portuguese, count)),
      ['uma amostra, a', '2 amostras, de a a b'],
    );
    // Portuguese counts nothing as one; and half of one, too.
    const answers = (count: number): string => counted(portuguese, count, 'one answer', '{0} answers');
    assert.deepEqual([0, 1, 1.5, 2].map(answers), [
      '0 resposta',
      '1 resposta',
      '1,5 resposta',
      '2 respostas',
    ]);
  });

  it('R1.5 has forms of its own where English says the same of one and of several', () => {
    const healthy = (t: Translate, count: number): string => counted(t, count, '1 healthy', '{0} healthy');
    assert.deepEqual([healthy(untranslated, 1), healthy(untranslated, 3)], ['1 healthy', '3 healthy']);
    assert.deepEqual([healthy(portuguese, 1), healthy(portuguese, 3)], ['1 saudável', '3 saudáveis']);
  });

  it('writes durations as people read them', () => {
    assert.deepEqual(
      [0.04, 0.4, 12.4, 999, 1_320].map((ms) => duration(ms, untranslated)),
      ['0.0 ms', '0.4 ms', '12 ms', '999 ms', '1.3 s'],
    );
  });

  it('R1.5 separates fractions as the language does', () => {
    assert.equal(duration(1_320, portuguese), '1,3 s');
    assert.deepEqual(
      [percentWords(0.9876, untranslated), percentWords(0.9876, portuguese)],
      ['98.7 %', '98,7%'],
    );
    assert.deepEqual([localNumber(0.03, untranslated), localNumber(0.03, portuguese)], ['0.03', '0,03']);
    assert.equal(localNumber(12_345, portuguese), '12345');
  });
});
