import assert from 'node:assert/strict';
import { anyScope, parseServerTemplate } from './serverTemplate.ts';
import type { VariableScope } from './variables.ts';

const scope: VariableScope = { userHome: '/home/me', pathSeparator: '/', env: () => undefined };
const parse = (entry: unknown, own: VariableScope = scope) =>
  parseServerTemplate('it', entry, { pathPrefix: 's', trustByDefault: true, scope: own });

describe('entry with variables', () => {
  it('R1.4 is an entry like any other when it names no input', () => {
    const { config, inputs, problems } = parse({ command: '${userHome}/run' });
    assert.deepEqual(
      [config?.type === 'stdio' && config.command, inputs, problems],
      ['/home/me/run', undefined, []],
    );
  });

  it('R1.4 is not used when a variable has no value', () => {
    const { config, problems } = parse({ command: 'x', env: { A: '${env:A}' } });
    assert.equal(config, undefined);
    assert.deepEqual(
      problems.map(({ path }) => path),
      ['s.it.env.A'],
    );
    assert.notEqual(parse({ command: 'x', env: { A: '${env:A}' } }, anyScope).config, undefined);
  });

  it('R1.4 is known before its inputs are, and whole after', () => {
    const { config, inputs, problems } = parse({ command: 'x', args: ['${input:a}'] });
    assert.deepEqual([config?.type, problems], ['stdio', []]);
    assert.deepEqual(inputs?.ids, ['a']);
    assert.equal(inputs.fill(new Map()).config, undefined);
    const filled = inputs.fill(new Map([['a', 'value']])).config;
    assert.deepEqual(filled?.type === 'stdio' && filled.args, ['value']);
  });

  it('R1.4 an address may come from an input, whole or in part', () => {
    for (const url of ['${input:u}', 'https://${input:u}/mcp', 'http://127.0.0.1:${input:u}/mcp']) {
      const { config, inputs, problems } = parse({ url });
      assert.deepEqual([config?.type, problems, inputs?.ids], ['http', [], ['u']], url);
    }
    const { inputs } = parse({ url: 'http://127.0.0.1:${input:u}/mcp' });
    const filled = inputs?.fill(new Map([['u', '8080']])).config;
    assert.equal(filled?.type === 'http' && filled.url, 'http://127.0.0.1:8080/mcp');
    const bad = inputs?.fill(new Map([['u', 'no port']]));
    assert.equal(bad?.config, undefined);
    assert.deepEqual(
      bad?.problems.map(({ path }) => path),
      ['s.it.url'],
    );
  });

  it('R1.4 two addresses of different inputs are different servers', () => {
    const template = (url: string): string | undefined => parse({ url }).inputs?.template;
    assert.notEqual(template('${input:a}'), template('${input:b}'));
    assert.notEqual(template('https://x/${input:a}'), template('https://y/${input:a}'));
  });
});
