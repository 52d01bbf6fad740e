import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { phraseTexts } from '../../src/extension/phrases.ts';

/** The words that people see are complete in both languages, and nothing is translated that nobody sees. */

const root = join(import.meta.dirname, '..', '..');
const bundleFile = 'l10n/bundle.l10n.pt-br.json';
const readText = (path: string): string => readFileSync(join(root, path), 'utf8');
const readWords = (path: string): Record<string, string> =>
  JSON.parse(readText(path)) as Record<string, string>;

const manifest = JSON.parse(readText('package.json')) as unknown;
const english = readWords('package.nls.json');
const portuguese = readWords('package.nls.pt-br.json');
const bundle = readWords(bundleFile);
const sorted = (items: Iterable<string>): string[] => [...items].sort();

/** Every text in `value` that is nothing but a `%key%`. */
function nlsKeys(value: unknown): string[] {
  if (typeof value === 'string') return /^%[^%]+%$/.test(value) ? [value.slice(1, -1)] : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(nlsKeys);
}

interface Texts {
  /** What `t(…)` is called with. */
  readonly plain: Set<string>;
  /** What `counted(…)` is called with: of one, and of several. */
  readonly counted: Map<string, string>;
  /** Files that hand over something else than a literal. */
  readonly notLiteral: string[];
}

/** One makes `t` out of `vscode.l10n.t`; one chooses between two texts that are found where it is called; one has a list of its own. */
const passesOn = new Set(['composition.ts', 'figures.ts', 'phrases.ts']);

function textsOfTheCode(): Texts {
  const texts: Texts = { plain: new Set(), counted: new Map(), notLiteral: [] };
  const folder = join(root, 'src', 'extension');
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts') || name.endsWith('.test.ts') || name === 'translate.ts') continue;
    const source = ts.createSourceFile(
      name,
      readFileSync(join(folder, name), 'utf8'),
      ts.ScriptTarget.Latest,
    );
    const visit = (node: ts.Node): void => {
      if (ts.isCallExpression(node)) addTexts(name, node, texts);
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  return texts;
}

function addTexts(file: string, call: ts.CallExpression, { plain, counted, notLiteral }: Texts): void {
  const literal = (node: ts.Expression | undefined): string | undefined =>
    node !== undefined && ts.isStringLiteralLike(node) ? node.text : undefined;
  const called = calledName(call.expression);
  if (called === 't') {
    const text = literal(call.arguments[0]);
    if (text !== undefined) plain.add(text);
    else if (!passesOn.has(file)) notLiteral.push(file);
  } else if (called === 'counted') {
    const [one, other] = [literal(call.arguments[2]), literal(call.arguments[3])];
    if (one === undefined || other === undefined) notLiteral.push(file);
    else counted.set(one, other);
  }
}

function calledName(called: ts.Expression): string | undefined {
  if (ts.isIdentifier(called)) return called.text;
  return ts.isPropertyAccessExpression(called) && called.name.text === 't' ? 't' : undefined;
}

/** `{0}`, `{1}` … of a text. */
const placeholders = (text: string): string[] => sorted(new Set(text.match(/\{\d+\}/g) ?? []));

/** The keys of a flat JSON object as they are written, twice if they stand there twice. */
const writtenKeys = (path: string): string[] =>
  [...readText(path).matchAll(/^\s*("(?:[^"\\]|\\.)*")\s*:/gm)].map(([, key]) => JSON.parse(key!) as string);

describe('words', () => {
  const texts = textsOfTheCode();

  it('R1.5 has every text of the manifest in both languages, and no text that nobody uses', () => {
    const used = sorted(new Set(nlsKeys(manifest)));
    assert.deepEqual(sorted(Object.keys(english)), used);
    assert.deepEqual(sorted(Object.keys(portuguese)), used);
  });

  it('R1.5 has every text of the code in Brazilian Portuguese, and no text that nobody uses', () => {
    assert.deepEqual(texts.notLiteral, []);
    const counted = [...texts.counted.keys(), ...texts.counted.values()];
    const used = new Set([...texts.plain, ...counted, ...phraseTexts]);
    assert.deepEqual(sorted(Object.keys(bundle)), sorted(used));
  });

  it('R1.5 has no text twice, of which one would never be seen', () => {
    for (const path of [bundleFile, 'package.nls.json', 'package.nls.pt-br.json']) {
      const keys = writtenKeys(path);
      assert.deepEqual(
        keys.filter((key, index) => keys.indexOf(key) !== index),
        [],
        path,
      );
    }
  });

  it('R1.5 says the language of the translation, which decides about plurals and figures', () => {
    assert.equal(bundle['en'], 'pt-BR');
  });

  it('keeps arguments, links and empty texts right in translation', () => {
    const ones = new Set(texts.counted.keys());
    for (const [text, translation] of Object.entries(bundle)) {
      if (!ones.has(text)) assert.deepEqual(placeholders(translation), placeholders(text), text);
      assert.notEqual(translation.trim(), '', text);
    }
    for (const [key, text] of Object.entries(english)) {
      const links = (words: string): string[] => sorted(words.match(/\]\([^)]+\)/g) ?? []);
      assert.deepEqual(links(portuguese[key] ?? ''), links(text), key);
    }
  });

  it('R1.5 leaves no argument out of either form of a counted text', () => {
    for (const [one, other] of texts.counted) {
      assert.notEqual(one, other, 'no language could tell them apart');
      assert.ok(placeholders(other).includes('{0}'), `${other}: where is the count?`);
      assert.ok(!one.includes('{0}'), `${one}: it is one`);
      // Portuguese says "one" of nothing too, so it may show the count there.
      const allowed = new Set(placeholders(other));
      for (const form of [one, bundle[one] ?? '', bundle[other] ?? ''])
        for (const argument of placeholders(form)) assert.ok(allowed.has(argument), `${form}: ${argument}`);
      for (const argument of placeholders(one))
        assert.ok(bundle[one]?.includes(argument), `${one}: ${argument} is lost in translation`);
    }
  });

  it('R1.5 puts no count before a noun without asking for its form', () => {
    const nouns =
      'servers?|calls?|settings?|alerts?|times?|tools?|lines?|samples?|answers?|failures?|requests?|sessions?|secrets?|restarts?|processe?s?|files?|values?|tokens?';
    const fixed = [...texts.plain].filter((text) =>
      new RegExp(`\\{\\d\\} (?:\\w+ )?(?:${nouns})\\b`).test(text),
    );
    assert.deepEqual(fixed, []);
  });
});
