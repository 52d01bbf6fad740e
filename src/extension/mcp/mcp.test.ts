import assert from 'node:assert/strict';
import { parseArgs } from 'node:util';
import { FakeClock, settle } from '../../../test/support/fakeClock.ts';
import { serverSnapshot, snapshotOf } from '../../../test/support/healthBuilders.ts';
import { mergeSettings } from '../config/mergeServers.ts';
import { definitionsOf, sameDefinitions } from './definitions.ts';
import { PromiseKeeper } from './promiseKeeper.ts';
import { QUIET_MS, Versions, type SavedVersions } from './versions.ts';

const catalogue = (digest: string) => ({ tools: 1, digest, savedAt: 0 });

describe('server definitions', () => {
  const { servers } = mergeSettings({
    servers: {
      user: {
        git: { command: 'g' },
        web: { url: 'https://example.com/mcp?key=hunter2', headers: { Authorization: 'Bearer hunter2' } },
        off: { command: 'o', lifeline: { enabled: false } },
        broken: {},
      },
      machine: undefined,
      workspace: undefined,
      folders: [],
    },
    connection: { user: undefined, workspace: undefined },
    workspaceFolder: undefined,
    trusted: true,
  });
  const options = { bridgePath: '/b.cjs', window: 'w1', versionOf: (): undefined => undefined };

  it('names the bridge for each server that can be started, and holds nothing else', () => {
    assert.deepEqual(definitionsOf(servers, options), [
      { label: 'git', args: ['/b.cjs', '--server', 'git', '--window', 'w1'], version: undefined },
      { label: 'web', args: ['/b.cjs', '--server', 'web', '--window', 'w1'], version: undefined },
    ]);
  });

  it('names a server that is called like an option so that the bridge understands it', () => {
    const [first] = servers;
    assert.ok(first);
    const [definition] = definitionsOf([{ ...first, name: '--window' }], options);
    const { values } = parseArgs({
      args: definition?.args.slice(1) ?? [],
      options: { server: { type: 'string' }, window: { type: 'string' } },
    });
    assert.deepEqual({ ...values }, { server: '--window', window: 'w1' });
  });

  it('differs only when VS Code would see a difference', () => {
    const before = definitionsOf(servers, options);
    assert.ok(sameDefinitions(before, definitionsOf(servers, options)));
    assert.ok(!sameDefinitions(before, definitionsOf(servers, { ...options, versionOf: () => 'd1' })));
  });
});

describe('definition versions', () => {
  function given(saved?: unknown) {
    const clock = new FakeClock();
    const written: SavedVersions[] = [];
    let changes = 0;
    const versions = new Versions(clock, { read: () => saved, write: (value) => written.push(value) }, () => {
      changes += 1;
    });
    return { clock, versions, written, changes: () => changes };
  }

  it('adopts a catalogue once the server has been without a session for a while', async () => {
    const { clock, versions, written, changes } = given();
    versions.apply(snapshotOf([serverSnapshot('git', { catalogue: catalogue('d1') })]));
    await clock.advance(QUIET_MS - 1);
    assert.equal(versions.versionOf('git'), undefined);
    await clock.advance(1);
    assert.equal(versions.versionOf('git'), 'd1');
    assert.deepEqual(written, [{ versions: { git: 'd1' }, listed: {} }]);
    assert.equal(changes(), 1);
  });

  it('is frozen while the server has a session', async () => {
    const { clock, versions, changes } = given({ versions: { git: 'd1' } });
    const busy = serverSnapshot('git', { catalogue: catalogue('d2'), sessions: 1 });
    versions.apply(snapshotOf([busy]));
    await clock.advance(60_000);
    assert.equal(versions.versionOf('git'), 'd1');
    assert.equal(changes(), 0);
    assert.equal(clock.pending, 0);
  });

  it('starts the quiet time anew when a session comes in between', async () => {
    const { clock, versions } = given({ versions: { git: 'd1' } });
    const idle = serverSnapshot('git', { catalogue: catalogue('d2') });
    versions.apply(snapshotOf([idle]));
    await clock.advance(QUIET_MS - 1);
    versions.apply(snapshotOf([{ ...idle, sessions: 1 }]));
    versions.apply(snapshotOf([idle]));
    await clock.advance(QUIET_MS - 1);
    assert.equal(versions.versionOf('git'), 'd1');
    await clock.advance(1);
    assert.equal(versions.versionOf('git'), 'd2');
  });

  it('stays as it is for a catalogue that VS Code has listed under it, until there is another one', async () => {
    const { clock, versions, written, changes } = given();
    const of = (digest: string) => snapshotOf([serverSnapshot('git', { catalogue: catalogue(digest) })]);
    versions.noteListed('git', 'd1');
    assert.deepEqual(written, [{ versions: {}, listed: { git: 'd1' } }]);
    versions.apply(of('d1'));
    await clock.advance(60_000);
    assert.equal(versions.versionOf('git'), undefined);
    assert.equal(changes(), 0);
    versions.apply(of('d2'));
    await clock.advance(60_000);
    assert.equal(versions.versionOf('git'), 'd2');
    // Listed under no version; under "d2" VS Code remembers something else.
    versions.apply(of('d1'));
    await clock.advance(60_000);
    assert.equal(versions.versionOf('git'), 'd1');
  });

  it('remembers over a window what VS Code has listed', async () => {
    const { clock, versions } = given({ versions: {}, listed: { git: 'd1' } });
    versions.apply(snapshotOf([serverSnapshot('git', { catalogue: catalogue('d1') })]));
    await clock.advance(60_000);
    assert.equal(versions.versionOf('git'), undefined);
  });

  it('changes nothing while no engine tells of sessions', async () => {
    const { clock, versions } = given({ versions: { git: 'd1' } });
    versions.apply(snapshotOf([serverSnapshot('git', { catalogue: catalogue('d2') })]));
    versions.apply(undefined);
    await clock.advance(60_000);
    assert.equal(versions.versionOf('git'), 'd1');
  });

  it('drops saved versions that are none', () => {
    for (const garbage of [undefined, 7, [], { git: 7 }, { git: 'x'.repeat(200) }]) {
      assert.equal(given(garbage).versions.versionOf('git'), undefined);
      assert.equal(given({ versions: garbage, listed: garbage }).versions.versionOf('git'), undefined);
    }
  });
});

describe('promise keeper', () => {
  function given() {
    const clock = new FakeClock();
    const calls: string[] = [];
    const keeper = new PromiseKeeper({
      clock,
      log: () => undefined,
      editor: {
        stop: (server) => Promise.resolve(void calls.push(`stop ${server}`)),
        start: (server) => Promise.resolve(void calls.push(`start ${server}`)),
      },
    });
    return { clock, keeper, calls };
  }
  const broken = (inFlight = 0) =>
    snapshotOf([serverSnapshot('git', { promiseBroken: true, metrics: { inFlight } })]);

  it('restarts the definition once', async () => {
    const { keeper, calls, clock } = given();
    keeper.apply(broken());
    keeper.apply(broken());
    await settle();
    assert.deepEqual(calls, ['stop git', 'start git']);
    assert.equal(clock.pending, 0);
  });

  it('waits until no call is running', async () => {
    const { keeper, calls } = given();
    keeper.apply(broken(1));
    await settle();
    assert.deepEqual(calls, []);
    keeper.apply(broken(0));
    await settle();
    assert.deepEqual(calls, ['stop git', 'start git']);
  });

  it('waits until VS Code has seen a change of the definitions', async () => {
    const { keeper, calls, clock } = given();
    keeper.noteDefinitionsChanged();
    keeper.apply(broken());
    await clock.advance(599);
    assert.deepEqual(calls, []);
    await clock.advance(1);
    assert.deepEqual(calls, ['stop git', 'start git']);
  });

  it('restarts again when a later promise is broken', async () => {
    const { keeper, calls } = given();
    keeper.apply(broken());
    await settle();
    keeper.apply(snapshotOf([serverSnapshot('git')]));
    keeper.apply(broken());
    await settle();
    assert.equal(calls.length, 4);
  });
});
