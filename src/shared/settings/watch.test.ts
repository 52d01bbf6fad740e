import assert from 'node:assert/strict';
import { parseServerConfig } from './serverConfig.ts';
import { DEFAULT_PHI_MIN, parseWatch, watchLimits } from './watch.ts';

const phi = { name: 'load', tool: 'get_load', path: '$.load' };
const read = (...items: unknown[]) => parseWatch('s.lifeline.watch', items);

describe('lifeline.watch', () => {
  it('R11.7 takes an entry with everything, and one with the least', () => {
    const { watches, problems } = read(
      { ...phi, arguments: { of: 'cpu' }, min: -1, max: 2.5, every: 5, repeatable: true },
      { name: 'least', tool: 't' },
    );
    assert.deepEqual(problems, []);
    assert.deepEqual(watches, [
      {
        name: 'load',
        tool: 'get_load',
        arguments: { of: 'cpu' },
        pathText: '$.load',
        path: ['load'],
        min: -1,
        max: 2.5,
        everySeconds: 5,
        repeatable: true,
      },
      {
        name: 'least',
        tool: 't',
        arguments: {},
        pathText: '$',
        path: [],
        everySeconds: 30,
        repeatable: false,
      },
    ]);
  });

  it('R11.7 an application that reports its own Φ is alerted below 0.03 unless it says otherwise', () => {
    const { watches } = read(
      { name: 'phi', tool: 't' },
      { name: 'Φ', tool: 't', max: 1 },
      { name: 'PHI', tool: 't', min: 0.5 },
      { name: 'other', tool: 't' },
    );
    assert.deepEqual(
      watches.map(({ min }) => min),
      [DEFAULT_PHI_MIN, DEFAULT_PHI_MIN, 0.5, undefined],
    );
  });

  const wrong: readonly (readonly [string, unknown])[] = [
    ['no object', 5],
    ['no name', { tool: 't' }],
    ['a name of blanks', { name: ' ', tool: 't' }],
    ['a name with a control character', { name: 'a\u001b[2J', tool: 't' }],
    ['a name that is too long', { name: 'x'.repeat(watchLimits.name + 1), tool: 't' }],
    ['no tool', { name: 'a' }],
    ['arguments that are a list', { ...phi, arguments: [] }],
    ['arguments that are too long', { ...phi, arguments: { a: 'x'.repeat(70_000) } }],
    ['a path with a wildcard', { ...phi, path: '$.*' }],
    ['a path that is no text', { ...phi, path: 5 }],
    ['a threshold that is text', { ...phi, min: '0.03' }],
    ['a threshold without end', { ...phi, max: Infinity }],
    ['a minimum above the maximum', { ...phi, min: 2, max: 1 }],
    ['a time that is too short', { ...phi, every: 0.5 }],
    ['a time that is too long', { ...phi, every: 3_601 }],
    ['a time that is none', { ...phi, every: NaN }],
    ['a word of permission', { ...phi, repeatable: 'yes' }],
    ['a key that is not known', { ...phi, interval: 5 }],
  ];
  for (const [title, item] of wrong)
    it(`R11.7 leaves out, and names, an entry with ${title}`, () => {
      const { watches, problems } = read(item, { name: 'well', tool: 't' });
      assert.deepEqual(
        watches.map(({ name }) => name),
        ['well'],
      );
      assert.deepEqual(
        problems.map(({ path }) => path),
        ['s.lifeline.watch[0]'],
      );
    });

  it('R11.7 takes each name once, and twenty values at most', () => {
    assert.deepEqual(
      read(phi, phi).problems.map(({ path }) => path),
      ['s.lifeline.watch[1].name'],
    );
    const many = Array.from({ length: 30 }, (_, n) => ({ name: `n${n}`, tool: 't' }));
    const { watches, problems } = read(...many);
    assert.equal(watches.length, watchLimits.watches);
    assert.equal(problems.length, 1);
    assert.equal(parseWatch('p', {}).problems.length, 1);
  });

  it('R11.7 is part of a server’s entry', () => {
    const entry = { command: 'x', lifeline: { watch: [phi, {}] } };
    const options = { pathPrefix: 'servers', trustByDefault: true, tellRestarts: undefined };
    const { config, problems } = parseServerConfig('s', entry, options);
    assert.equal(config?.lifeline.watch?.[0]?.name, 'load');
    assert.deepEqual(
      problems.map(({ path }) => path),
      ['servers.s.lifeline.watch[1]'],
    );
  });
});
