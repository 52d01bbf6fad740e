import assert from 'node:assert/strict';
import { resolveVariables, type VariableScope } from './variables.ts';

const scope: VariableScope = {
  userHome: '/home/me',
  pathSeparator: '/',
  workspaceFolder: '/projects/app',
  folders: new Map([['lib', '/projects/lib']]),
  env: (name) => ({ TOKEN: 'secret', NESTED: '${input:x} ${env:TOKEN}' })[name],
};

function resolve(entry: unknown, changes: Partial<VariableScope> = {}) {
  const problems: string[] = [];
  const resolved = resolveVariables(
    entry,
    { ...scope, ...changes },
    { path: 's.it', report: (path, message) => problems.push(`${path} ${message}`) },
  );
  return { ...resolved, problems };
}

describe('variables of an entry', () => {
  it('R1.4 are replaced in every member that may hold them, and in no other', () => {
    const { entry, problems, usable } = resolve({
      command: '${userHome}/bin/run',
      args: ['--root', '${workspaceFolder}', '${workspaceFolder:lib}${/}x', '${workspaceFolderBasename}'],
      env: { KEY: '${env:TOKEN}', N: 1, GONE: null },
      cwd: '${workspaceFolder}/sub',
      url: 'https://example.com/${env:TOKEN}',
      headers: { Authorization: 'Bearer ${env:TOKEN}' },
      lifeline: { note: '${env:TOKEN}' },
    });
    assert.deepEqual(entry, {
      command: '/home/me/bin/run',
      args: ['--root', '/projects/app', '/projects/lib/x', 'app'],
      env: { KEY: 'secret', N: 1, GONE: null },
      cwd: '/projects/app/sub',
      url: 'https://example.com/secret',
      headers: { Authorization: 'Bearer secret' },
      lifeline: { note: '${env:TOKEN}' },
    });
    assert.deepEqual([problems, usable], [[], true]);
  });

  it('R1.4 a value is never read as a variable again', () => {
    const { entry, inputs } = resolve({ args: ['${env:NESTED}'] }, { input: () => '${env:TOKEN}' });
    assert.deepEqual(entry, { args: ['${input:x} ${env:TOKEN}'] });
    assert.deepEqual(inputs, []);
    assert.deepEqual(resolve({ args: ['${input:a}'] }, { input: () => '${env:TOKEN}' }).entry, {
      args: ['${env:TOKEN}'],
    });
  });

  it('R1.4 what has no value is named with its place, and the server is not started', () => {
    const { problems, usable } = resolve(
      {
        command: '${env:NONE}',
        args: ['a', '${workspaceFolder:other}'],
        env: { A: '${command:ext.pick}', B: '${file}' },
        cwd: '${workspaceFolder}',
      },
      { workspaceFolder: undefined },
    );
    assert.deepEqual(problems, [
      's.it.command holds "${env:NONE}", and there is no such environment variable; the server is not started',
      's.it.args[1] holds "${workspaceFolder:other}", but the workspace has no folder of that name; the server is not started',
      's.it.env.A holds "${command:ext.pick}", which only the editor itself can fill in; the server is not started',
      's.it.env.B holds "${file}", which only the editor itself can fill in; the server is not started',
      's.it.cwd holds "${workspaceFolder}", but no folder is open; the server is not started',
    ]);
    assert.equal(usable, false);
  });

  it('R1.4 what is no variable is said, and passed on as it stands', () => {
    const { entry, problems, usable } = resolve({ args: ['-c', 'echo ${HOME} $TOKEN ${} {x}'] });
    assert.deepEqual(entry, { args: ['-c', 'echo ${HOME} $TOKEN ${} {x}'] });
    assert.equal(problems.length, 2);
    assert.match(problems[0] ?? '', /^s\.it\.args\[1\] holds "\$\{HOME\}", which is no variable/);
    assert.equal(usable, true);
  });

  it('R1.4 tells the inputs of an entry, each once, and leaves them as written without a source', () => {
    const { entry, inputs, usable } = resolve({
      env: { A: '${input:key}', B: '${input:other}-${input:key}' },
    });
    assert.deepEqual(inputs, ['key', 'other']);
    assert.deepEqual(entry, { env: { A: '${input:key}', B: '${input:other}-${input:key}' } });
    assert.equal(usable, true);
    assert.equal(resolve({ command: '${input:key}' }, { input: () => undefined }).usable, false);
    assert.equal(resolve({ command: '${input:}' }).usable, false);
  });

  it('R14.3 takes whatever an entry is', () => {
    for (const entry of [
      undefined,
      null,
      7,
      'x',
      [],
      { args: 7 },
      { env: [[['${env:NONE}']]] },
      { url: null },
    ])
      assert.deepEqual(resolve(entry).entry, entry);
    const hostile = JSON.parse('{"env":{"__proto__":"${env:TOKEN}"}}') as unknown;
    assert.equal(JSON.stringify(resolve(hostile).entry), '{"env":{"__proto__":"secret"}}');
  });
});
