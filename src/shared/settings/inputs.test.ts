import assert from 'node:assert/strict';
import { inputVariables, parseInputs } from './inputs.ts';

const read = (value: unknown) => {
  const { inputs, problems } = parseInputs(value, 'inputs');
  return { inputs, problems: problems.map(({ path, message }) => `${path} ${message}`) };
};

describe('inputs', () => {
  it('R1.4 reads the shape of mcp.json', () => {
    const { inputs, problems } = read([
      { id: 'key', type: 'promptString', description: 'API key', password: true },
      { id: 'name', type: 'promptString', default: 'me' },
      { id: 'zone', type: 'pickString', options: ['eu', { label: 'America', value: 'us' }], default: 'eu' },
    ]);
    assert.deepEqual(problems, []);
    assert.deepEqual(
      inputs.map(({ id, isSecret, options }) => [id, isSecret, options.map(({ value }) => value)]),
      [
        ['key', true, []],
        ['name', false, []],
        ['zone', false, ['eu', 'us']],
      ],
    );
    assert.equal(inputs[2]?.options[1]?.label, 'America');
  });

  it('R1.4 refuses inputs that run a command, with the reason', () => {
    const { inputs, problems } = read([{ id: 'x', type: 'command', command: 'a.b' }]);
    assert.deepEqual(inputs, []);
    assert.match(problems[0] ?? '', /^inputs\[0\]\.type is "command", which runs a command of the editor/);
  });

  it('R14.3 names what cannot be used with its place, and uses the rest', () => {
    const { inputs, problems } = read([
      7,
      { id: '', type: 'promptString' },
      { id: 'a}', type: 'promptString' },
      { id: 'b', type: 'other' },
      { id: 'c', type: 'pickString', options: [] },
      { id: 'd', type: 'promptString', password: 'yes', default: 7, more: 1 },
      { id: 'd', type: 'promptString' },
    ]);
    assert.deepEqual(
      inputs.map(({ id, isSecret, default: proposed }) => [id, isSecret, proposed]),
      [['d', true, undefined]],
    );
    assert.deepEqual(
      problems.map((problem) => problem.split(' ')[0]),
      [
        'inputs[0]',
        'inputs[1].id',
        'inputs[2].id',
        'inputs[3].type',
        'inputs[4].options',
        'inputs[5].more',
        'inputs[5].password',
        'inputs[5].default',
        'inputs[6].id',
      ],
    );
    assert.equal(read('x').problems.length, 1);
    assert.equal(
      read(Array.from({ length: 300 }, (_, id) => ({ id: `i${id}`, type: 'promptString' }))).inputs.length,
      200,
    );
  });

  it('R1.4 names the variable of the environment, exactly and as shells allow it', () => {
    assert.deepEqual(inputVariables('KEY'), ['MCP_LIFELINE_INPUT_KEY']);
    assert.deepEqual(inputVariables('api-key'), ['MCP_LIFELINE_INPUT_api-key', 'MCP_LIFELINE_INPUT_API_KEY']);
  });
});
