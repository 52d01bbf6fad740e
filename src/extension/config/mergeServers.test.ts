import assert from 'node:assert/strict';
import fc from 'fast-check';
import { snapshotOf } from '../../../test/support/healthBuilders.ts';
import { parseSnapshot } from '../../shared/model/snapshot.ts';
import { parseEngineConfiguration } from '../../shared/protocol/engineMessages.ts';
import { joinProblems, mergeSettings, type RawSettings, type ServerScopes } from './mergeServers.ts';

const scopes = (given: Partial<ServerScopes>): ServerScopes => ({
  user: undefined,
  machine: undefined,
  workspace: undefined,
  folders: [],
  ...given,
});

function raw(changes: Partial<RawSettings> = {}): RawSettings {
  return {
    servers: scopes({}),
    connection: { user: undefined, workspace: undefined },
    workspaceFolder: '/project',
    trusted: true,
    ...changes,
  };
}

const servers = (user: unknown, workspace?: unknown, folders: ServerScopes['folders'] = []) =>
  raw({ servers: scopes({ user, workspace, folders }) });

describe('settings of several scopes', () => {
  it('takes the narrowest scope’s whole entry and mixes none', () => {
    const { engine } = mergeSettings(
      servers({ git: { command: 'a', args: ['x'] }, files: { command: 'f' } }, { git: { command: 'b' } }),
    );
    assert.deepEqual(engine.servers, [
      { name: 'git', entry: { command: 'b' }, origin: 'workspace' },
      { name: 'files', entry: { command: 'f' }, origin: 'user' },
    ]);
  });

  it('R11.8 sends telemetry nowhere unless an address says so, and reports one that cannot be used', () => {
    for (const otlp of [undefined, '', false]) {
      const { engine, problems } = mergeSettings(raw({ otlp }));
      assert.deepEqual([engine.telemetry, problems], [undefined, []]);
    }
    const { engine } = mergeSettings(raw({ otlp: 'http://127.0.0.1:4318' }));
    assert.deepEqual(engine.telemetry, { otlp: 'http://127.0.0.1:4318' });
    assert.deepEqual(parseEngineConfiguration(engine).telemetry, engine.telemetry);
    const bad = mergeSettings(raw({ otlp: 'collector' }));
    assert.equal(bad.engine.telemetry, undefined);
    assert.deepEqual(
      bad.problems.map(({ path }) => path),
      ['mcpLifeline.telemetry.otlp'],
    );
  });

  it('R14.3 takes a file with a great many keys', () => {
    const values = Object.fromEntries(Array.from({ length: 150_000 }, (_, n) => [`k${n}`, 1]));
    const connectionFile = { settings: { place: 'f', values: { ...values, max_retries: 2 } }, problems: [] };
    const { problems } = mergeSettings(raw({ connectionFile }));
    assert.ok(problems.length > 0 && problems.length <= 1_000);
  });

  it('R1.6 leaves out what an untrusted workspace configures', () => {
    const { engine, servers: listed } = mergeSettings({
      ...servers({ mine: { command: 'm' } }, { theirs: { command: 't' }, mine: { command: 'evil' } }),
      connection: { user: { maxRetries: 1 }, workspace: { maxRetries: 9 } },
      trusted: false,
    });
    assert.deepEqual(
      listed.map(({ name }) => name),
      ['mine'],
    );
    assert.deepEqual(engine.servers[0]?.entry, { command: 'm' });
    assert.deepEqual(engine.connection, { user: { maxRetries: 1 }, workspace: {} });
    assert.equal(engine.trusted, false);
  });

  it('takes the entry of the remote machine over the user’s own, and that of the workspace over both', () => {
    const { engine } = mergeSettings(
      raw({
        servers: scopes({
          user: { a: { command: 'user', args: ['x'] }, b: { command: 'user' }, c: { command: 'user' } },
          machine: { b: { command: 'machine' }, c: { command: 'machine' } },
          workspace: { c: { command: 'workspace' } },
        }),
      }),
    );
    const byName = Object.fromEntries(
      engine.servers.map(({ name, entry, origin }) => [
        name,
        [(entry as { command: string }).command, origin],
      ]),
    );
    assert.deepEqual(byName, { a: ['user', 'user'], b: ['machine', 'user'], c: ['workspace', 'workspace'] });
    assert.deepEqual(engine.servers.find(({ name }) => name === 'b')?.entry, { command: 'machine' });
  });

  it('R1.8 names the folder of several that configures a server; the first folder wins', () => {
    const { engine } = mergeSettings(
      servers({ git: { command: 'u' } }, { files: { command: 'w' }, all: { command: 'w' } }, [
        { path: '/one', value: { git: { command: 'a' } } },
        { path: '/two', value: { git: { command: 'b' }, files: { command: 'f', cwd: 'own' } } },
        { path: undefined, value: { nowhere: { command: 'n' } } },
      ]),
    );
    const sorted = [...engine.servers].sort((a, b) => (a.name < b.name ? -1 : 1));
    assert.deepEqual(sorted, [
      { name: 'all', entry: { command: 'w' }, origin: 'workspace' },
      { name: 'files', entry: { command: 'f', cwd: 'own' }, origin: 'folder', folder: '/two' },
      { name: 'git', entry: { command: 'a' }, origin: 'folder', folder: '/one' },
      { name: 'nowhere', entry: { command: 'n' }, origin: 'folder' },
    ]);
  });

  it('takes the narrower scope’s entry of two names that VS Code takes for one', () => {
    const { servers: listed, problems } = mergeSettings(
      servers({ Git: { command: 'u' } }, { git: { command: 'w' } }),
    );
    assert.deepEqual(
      listed.map(({ name }) => name),
      ['git'],
    );
    assert.deepEqual(
      problems.map(({ path }) => path),
      ['mcpLifeline.servers.Git'],
    );
  });

  it('does not fall back to a wider scope when the narrower entry cannot be used', () => {
    const { servers: listed } = mergeSettings(servers({ git: { command: 'u' } }, { git: { command: 7 } }));
    assert.deepEqual(
      listed.map(({ name, enabled }) => [name, enabled]),
      [['git', false]],
    );
  });

  it('R1.3 knows HTTP servers like all others', () => {
    const { servers: listed, problems } = mergeSettings(
      servers({ web: { url: 'https://example.com/mcp', headers: { Authorization: 'Bearer x' } } }),
    );
    assert.deepEqual(problems, []);
    assert.equal(listed[0]?.enabled, true);
    assert.equal(listed[0].config?.type, 'http');
  });

  it('keeps what was set apart from what was not', () => {
    const { engine } = mergeSettings(
      raw({ connection: { user: { requestTimeout: 5 }, workspace: { maxRetries: undefined } } }),
    );
    assert.deepEqual(engine.connection, { user: { requestTimeout: 5 }, workspace: {} });
  });

  it('R2.2 names each wrong setting with its path, and the rest works', () => {
    const { problems, servers: listed } = mergeSettings({
      ...servers(['not', 'an', 'object'], {
        good: { command: 'g' },
        bad: { command: 7 },
        'worse.one': 'text',
      }),
      connection: { user: 'fast', workspace: {} },
    });
    assert.deepEqual(
      problems.map(({ path }) => path),
      [
        'mcpLifeline.servers',
        'mcpLifeline.servers.bad.command',
        'mcpLifeline.servers.worse.one',
        'mcpLifeline.connection',
      ],
    );
    assert.deepEqual(
      listed.filter(({ enabled }) => enabled).map(({ name }) => name),
      ['good'],
    );
  });

  it('tells of two names that VS Code takes for one', () => {
    const { problems, servers: listed } = mergeSettings(
      servers({ Git: { command: 'a' }, git: { command: 'b' } }),
    );
    assert.equal(problems.length, 1);
    assert.equal(problems[0]?.path, 'mcpLifeline.servers.git');
    assert.deepEqual(
      listed.map(({ name }) => name),
      ['Git'],
    );
  });

  it('does not count a disabled server as enabled', () => {
    const { servers: listed } = mergeSettings(
      servers({ a: { command: 'a', lifeline: { enabled: false } }, b: { command: 'b' } }),
    );
    assert.deepEqual(
      listed.map(({ enabled }) => enabled),
      [false, true],
    );
  });

  it('R2.2 checks connection settings at their place, general ones and a server’s own', () => {
    const { problems } = mergeSettings({
      ...servers({ git: { command: 'a', lifeline: { connection: { requestTimeout: 9_999 } } } }),
      connection: { user: { maxRetries: 'many' }, workspace: { nonsense: 1 } },
    });
    assert.deepEqual(
      problems.map(({ path }) => path),
      [
        'mcpLifeline.servers.git.lifeline.connection.requestTimeout',
        'mcpLifeline.connection.nonsense',
        'mcpLifeline.connection.maxRetries',
      ],
    );
  });

  it('R2.1 R2.2 takes the connection file over, and reports what is wrong in it at its place', () => {
    const settings = {
      place: 'f.json: global_settings.connection_handling',
      values: { max_retries: 2, request_timeout: 0, read_timeout: 9_999 },
    };
    const { engine, problems } = mergeSettings(
      raw({
        connection: { user: { readTimeout: 5 }, workspace: undefined },
        connectionFile: { settings, problems: [{ path: 'f.json', message: 'holds more' }] },
      }),
    );
    assert.deepEqual(parseEngineConfiguration(engine).connection.file, settings);
    // The user's own value is stronger than what is wrong there.
    assert.deepEqual(
      problems.map(({ path }) => path),
      ['f.json', 'f.json: global_settings.connection_handling.request_timeout'],
    );
  });

  it('R14.3 never throws, and what it makes always fits the message', () => {
    fc.assert(
      fc.property(fc.anything(), fc.anything(), fc.anything(), fc.boolean(), (a, b, c, trusted) => {
        const { engine, problems } = mergeSettings({
          servers: scopes({ user: a, machine: c, workspace: b, folders: [{ path: '/f', value: c }] }),
          connection: { user: b, workspace: c },
          workspaceFolder: undefined,
          trusted,
        });
        parseEngineConfiguration(engine);
        parseSnapshot(snapshotOf([], [...problems]));
      }),
    );
  });

  it('R14.3 cuts the place of a problem that is longer than any screen', () => {
    const { problems } = mergeSettings(servers({ git: { command: 'g', ['k'.repeat(5_000)]: 1 } }));
    parseSnapshot(snapshotOf([], [...problems]));
    assert.equal(problems[0]?.path.length, 512);
  });

  it('leaves out names and numbers of servers that no message holds', () => {
    const many = Object.fromEntries(
      Array.from({ length: 1_005 }, (_, index) => [`s${index}`, { command: 'x' }]),
    );
    const { engine, problems } = mergeSettings(servers({ ['n'.repeat(300)]: { command: 'x' }, ...many }));
    assert.equal(engine.servers.length, 1_000);
    assert.equal(problems.length, 6);
  });

  it('joins two lists of problems without saying one twice', () => {
    const problem = { path: 'a', message: 'b' };
    assert.deepEqual(joinProblems([problem], [{ ...problem }, { path: 'a', message: 'c' }]), [
      problem,
      { path: 'a', message: 'c' },
    ]);
  });
});

describe('inputs of several scopes', () => {
  const key = { id: 'key', type: 'promptString', password: true };
  const entry = { command: 'c', env: { KEY: '${input:key}' } };
  const merge = (inputs: Partial<ServerScopes>, changes: Partial<RawSettings> = {}) =>
    mergeSettings(
      raw({
        servers: scopes({ user: { mine: entry }, workspace: { theirs: entry } }),
        inputs: scopes(inputs),
        ...changes,
      }),
    );

  it('R1.4 an entry names the inputs of its own settings only', () => {
    const { inputs, problems, servers: listed } = merge({ user: [key] });
    assert.deepEqual(
      inputs.map(({ server, scope, definition }) => [server, scope, definition?.isSecret]),
      [
        ['theirs', 'workspace', undefined],
        ['mine', 'user', true],
      ],
    );
    assert.deepEqual(
      problems.map(({ path }) => path),
      ['mcpLifeline.servers.theirs'],
    );
    assert.equal(
      listed.every(({ enabled }) => enabled),
      true,
    );
    assert.deepEqual(merge({ user: [key], workspace: [key] }).problems, []);
  });

  it('R1.6 an untrusted workspace defines none', () => {
    const { inputs } = merge({ user: [{ ...key, password: false }], workspace: [key] }, { trusted: false });
    assert.deepEqual(
      inputs.map(({ server, definition }) => [server, definition?.isSecret]),
      [['mine', false]],
    );
  });

  it('R1.4 a folder’s entry names the folder’s inputs, then the workspace’s', () => {
    const { inputs } = mergeSettings(
      raw({
        servers: scopes({
          folders: [
            { path: '/a', value: { one: entry } },
            { path: '/b', value: { two: entry } },
          ],
        }),
        inputs: scopes({
          workspace: [key],
          folders: [
            { path: '/a', value: [key] },
            { path: '/b', value: undefined },
          ],
        }),
      }),
    );
    assert.deepEqual(
      inputs.map(({ server, scope }) => [server, scope]),
      [
        ['one', 'folder:/a'],
        ['two', 'workspace'],
      ],
    );
  });

  it('R1.4 lists servers whose variables only the engine knows, and says nothing of them', () => {
    const { servers: listed, problems } = mergeSettings(
      servers({
        a: { url: '${env:MCP_URL}/x' },
        b: { command: '${workspaceFolder}/run' },
        c: { url: '${input:u}' },
      }),
    );
    assert.deepEqual(
      listed.map(({ name, config }) => [name, config?.type]),
      [
        ['a', 'http'],
        ['b', 'stdio'],
        ['c', 'http'],
      ],
    );
    // The input is not defined.
    assert.equal(problems.length, 1);
  });

  it('R1.4 tells the engine the folders of a workspace of several', () => {
    const folderNames = [
      { name: 'a', path: '/a' },
      { name: 'b', path: '/b' },
    ];
    assert.deepEqual(mergeSettings(raw({ folderNames })).engine.folders, folderNames);
    assert.equal(mergeSettings(raw({ folderNames: folderNames.slice(0, 1) })).engine.folders, undefined);
  });
});
