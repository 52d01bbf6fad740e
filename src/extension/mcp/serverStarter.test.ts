import assert from 'node:assert/strict';
import { FakeClock } from '../../../test/support/fakeClock.ts';
import { serverSnapshot, snapshotOf } from '../../../test/support/healthBuilders.ts';
import type { ServerSnapshot, Snapshot } from '../../shared/model/snapshot.ts';
import { mergeSettings, type ConfiguredServer } from '../config/mergeServers.ts';
import { ServerStarter } from './serverStarter.ts';
import { fingerprintOf, StartMemory } from './startMemory.ts';

/** How long a server has to be unused before it is stopped again, and a little more. */
const STILL_MS = 3_100;
const catalogue = { tools: 1, digest: 'd', savedAt: 0 };

function configured(entries: Readonly<Record<string, Record<string, unknown>>>): readonly ConfiguredServer[] {
  const user = Object.fromEntries(
    Object.entries(entries).map(([name, entry]) => [name, { command: name, ...entry }]),
  );
  return mergeSettings({
    servers: { user, machine: undefined, workspace: undefined, folders: [] },
    connection: { user: undefined, workspace: undefined },
    workspaceFolder: undefined,
    trusted: true,
  }).servers;
}
const warm = (more: Record<string, unknown> = {}) => ({ lifeline: { keepWarm: true }, ...more });

/** An editor and an engine, as much as a start needs: a started server has a session, a stopped one none. */
function given(
  entries: Readonly<Record<string, Record<string, unknown>>>,
  options: { saved?: unknown; allowed?: boolean; without?: readonly string[] } = {},
) {
  const clock = new FakeClock();
  const calls: string[] = [];
  const written: unknown[] = [];
  const listed: (readonly [string, string])[] = [];
  const servers = new Map<string, ServerSnapshot>();
  let pid = 1;
  let isConnected = true;
  let allowed = options.allowed ?? true;
  const starts = new Map<string, PromiseWithResolvers<undefined>>();
  const snapshot = (): Snapshot => {
    const whole = snapshotOf([...servers.values()]);
    return { ...whole, engine: { ...whole.engine, pid } };
  };
  const starter = new ServerStarter(
    {
      clock,
      memory: new StartMemory({ read: () => options.saved, write: (value) => written.push(value) }),
      isAllowed: () => allowed,
      readSnapshot: () => Promise.resolve(isConnected ? snapshot() : undefined),
      onListed: (server, digest) => listed.push([server, digest]),
      log: () => undefined,
      editor: {
        start: (server) => {
          calls.push(`start ${server}`);
          if (options.without?.includes(server) === true) return Promise.resolve();
          const pending = Promise.withResolvers<undefined>();
          starts.set(server, pending);
          set(server, { sessions: 1, state: 'connecting' });
          return pending.promise;
        },
        stop: (server) => {
          calls.push(`stop ${server}`);
          set(server, { sessions: 0, state: 'idle' });
          return Promise.resolve();
        },
      },
    },
    configured(entries),
  );
  const tell = (): void => starter.apply(isConnected ? snapshot() : undefined);
  /** What the engine knows of a server from now on, which it tells. */
  function set(server: string, { metrics, ...changes }: Parameters<typeof serverSnapshot>[1] & object): void {
    const before = servers.get(server) ?? serverSnapshot(server, { state: 'idle' });
    servers.set(server, { ...before, ...changes, metrics: { ...before.metrics, ...metrics } });
    tell();
  }
  type Known = Readonly<Record<string, Parameters<typeof set>[1]>>;
  /** The engine knows these servers, all idle and never seen, but for what is given. */
  const meet = (known: Known): void => {
    for (const [server, changes] of Object.entries(known)) {
      servers.set(server, serverSnapshot(server, { state: 'idle', ...changes }));
    }
    tell();
  };
  /** The server came up, VS Code has its tools. */
  const comeUp = async (server: string): Promise<void> => {
    set(server, { state: 'ready', catalogue });
    starts.get(server)?.resolve(undefined);
    await clock.advance(0);
  };
  const refuse = async (server: string): Promise<void> => {
    starts.get(server)?.reject(new Error('User interaction required: start'));
    await clock.advance(0);
  };
  const lose = (): void => {
    isConnected = false;
    tell();
  };
  /** Another engine is there, which knows these. */
  const back = (known: Known): void => {
    isConnected = true;
    pid += 1;
    meet(known);
  };
  const allow = (value: boolean): void => {
    allowed = value;
    starter.recheck();
  };
  return { clock, calls, written, listed, starter, set, meet, comeUp, refuse, lose, back, allow };
}

describe('the first start of a server', () => {
  it('R5.0 starts a server without a catalogue once, and stops it when its tools are known', async () => {
    const { calls, clock, comeUp, listed, meet, written } = given({ git: {} });
    meet({ git: {} });
    await clock.advance(4_999);
    assert.deepEqual(calls, []);
    await clock.advance(1);
    assert.deepEqual(calls, ['start git']);
    await comeUp('git');
    await clock.advance(2_900);
    assert.deepEqual(calls, ['start git']);
    await clock.advance(200);
    assert.deepEqual(calls, ['start git', 'stop git']);
    assert.deepEqual(Object.keys(written[0] as object), ['git']);
    assert.deepEqual(listed, [['git', 'd']]);
    await clock.advance(600_000);
    assert.equal(calls.length, 2);
    assert.equal(clock.pending, 0);
  });

  const left: readonly [string, Parameters<typeof serverSnapshot>[1] & object][] = [
    ['whose tools are known', { catalogue }],
    ['that has a session', { sessions: 1, state: 'ready' }],
    ['that is disabled', { state: 'stopped' }],
  ];
  for (const [what, changes] of left) {
    it(`R5.0 leaves a server alone ${what}`, async () => {
      const { calls, clock, meet } = given({ git: {} });
      meet({ git: changes });
      await clock.advance(60_000);
      assert.deepEqual(calls, []);
    });
  }

  it('waits until VS Code has seen a change of the definitions', async () => {
    const { calls, clock, meet, starter } = given({ git: {} });
    await clock.advance(10_000);
    starter.noteDefinitionsChanged();
    meet({ git: {} });
    await clock.advance(599);
    assert.deepEqual(calls, []);
    await clock.advance(1);
    assert.deepEqual(calls, ['start git']);
  });

  it('waits until settings have stood for a while, because they may be half of what is meant', async () => {
    const { calls, clock, meet, starter } = given({});
    meet({ git: {} });
    await clock.advance(10_000);
    starter.configure(configured({ git: { args: ['hal'] } }));
    await clock.advance(1_500);
    starter.configure(configured({ git: { args: ['half'] } }));
    await clock.advance(1_999);
    assert.deepEqual(calls, []);
    await clock.advance(1);
    assert.deepEqual(calls, ['start git']);
  });

  it('R5.4 goes by tier, two at a time', async () => {
    const { calls, clock, comeUp, meet } = given({
      low: {},
      high: { lifeline: { tier: 'high' } },
      top: { lifeline: { tier: 'critical' } },
      low2: {},
    });
    meet({ low: {}, high: {}, top: {}, low2: {} });
    await clock.advance(5_000);
    assert.deepEqual(calls, ['start top', 'start high']);
    await comeUp('high');
    await clock.advance(STILL_MS);
    assert.deepEqual(calls.slice(2), ['stop high', 'start low']);
    await comeUp('top');
    await clock.advance(STILL_MS);
    assert.deepEqual(calls.slice(4), ['stop top', 'start low2']);
  });

  it('starts nothing that was started before with these settings, and again when they changed', async () => {
    const [git] = configured({ git: {} });
    assert.ok(git !== undefined);
    const { calls, clock, meet, starter } = given({ git: {} }, { saved: { git: fingerprintOf(git) } });
    meet({ git: {} });
    await clock.advance(60_000);
    assert.deepEqual(calls, []);
    starter.configure(configured({ git: { env: { TOKEN: 'new' } } }));
    await clock.advance(2_000);
    assert.deepEqual(calls, ['start git']);
  });

  it('stops a server that keeps failing, and does not try it again until its settings change', async () => {
    const { calls, clock, meet, set, starter } = given({ git: {} });
    meet({ git: {} });
    await clock.advance(5_000);
    set('git', { state: 'crashLoop' });
    await clock.advance(STILL_MS);
    assert.deepEqual(calls, ['start git', 'stop git']);
    await clock.advance(600_000);
    starter.configure(configured({ git: {}, other: {} }));
    await clock.advance(600_000);
    assert.equal(calls.length, 2);
    starter.configure(configured({ git: { command: 'better' }, other: {} }));
    await clock.advance(2_000);
    assert.deepEqual(calls.slice(2), ['start git']);
  });

  it('gives a start up after its time, so that the next server gets its turn', async () => {
    const { calls, clock, meet } = given({ a: {}, b: {}, c: {} });
    meet({ a: {}, b: {}, c: {} });
    await clock.advance(5_000 + 129_999);
    assert.deepEqual(calls, ['start a', 'start b']);
    await clock.advance(1 + STILL_MS);
    assert.deepEqual(calls.slice(2).sort(), ['start c', 'stop a', 'stop b']);
  });

  it('takes VS Code’s refusal for a failure', async () => {
    const { calls, clock, listed, meet, refuse, written } = given({ git: {} });
    meet({ git: {} });
    await clock.advance(5_000);
    await refuse('git');
    await clock.advance(600_000);
    assert.deepEqual(calls, ['start git', 'stop git']);
    assert.equal(written.length, 1);
    assert.deepEqual(listed, []);
  });

  it('asks again when VS Code does not know the server yet, three times in all', async () => {
    const { calls, clock, meet, written, starter } = given({ git: {} }, { without: ['git'] });
    meet({ git: {} });
    await clock.advance(60_000);
    assert.deepEqual(calls, ['start git', 'start git', 'start git']);
    assert.deepEqual(written, []);
    starter.recheck();
    await clock.advance(60_000);
    assert.equal(calls.length, 6);
  });

  it('leaves a server running that has a call by then', async () => {
    const { calls, clock, comeUp, meet, set } = given({ git: {} });
    meet({ git: {} });
    await clock.advance(5_000);
    set('git', { metrics: { inFlight: 1 } });
    await comeUp('git');
    await clock.advance(600_000);
    assert.deepEqual(calls, ['start git']);
  });

  it('waits for the lists that VS Code fetches after a start', async () => {
    const { calls, clock, comeUp, meet, set } = given({ git: {} });
    meet({ git: {} });
    await clock.advance(5_000);
    set('git', { metrics: { inFlight: 2 } });
    await comeUp('git');
    await clock.advance(4_000);
    assert.deepEqual(calls, ['start git']);
    set('git', { metrics: { inFlight: 0, total: 3 } });
    await clock.advance(2_200);
    assert.deepEqual(calls, ['start git', 'stop git']);
  });

  it('leaves a server running whose tools are called as soon as they are listed', async () => {
    for (const metrics of [{ total: 4 }, { total: 4, inFlight: 1 }]) {
      const { calls, clock, comeUp, meet, set } = given({ git: {} });
      meet({ git: {} });
      await clock.advance(5_000);
      set('git', { metrics: { total: 3 } });
      await comeUp('git');
      await clock.advance(2_000);
      set('git', { metrics });
      await clock.advance(600_000);
      assert.deepEqual(calls, ['start git']);
    }
  });

  it('leaves a server running that another client uses too', async () => {
    const { calls, clock, comeUp, meet, set } = given({ git: {} });
    meet({ git: {} });
    await clock.advance(5_000);
    set('git', { sessions: 2 });
    await comeUp('git');
    await clock.advance(600_000);
    assert.deepEqual(calls, ['start git']);
  });

  it('starts nothing where it is not allowed, and does when it is', async () => {
    const { allow, calls, clock, meet } = given({ git: {}, hot: warm() }, { allowed: false });
    meet({ git: {}, hot: {} });
    await clock.advance(60_000);
    assert.deepEqual(calls, []);
    allow(true);
    await clock.advance(0);
    assert.deepEqual(calls, ['start git', 'start hot']);
  });

  it('starts nothing without an engine, and nothing more when the window closes', async () => {
    const { back, calls, clock, lose, meet, starter } = given({ git: {}, b: {}, c: {} });
    meet({ git: {}, b: {}, c: {} });
    lose();
    await clock.advance(60_000);
    assert.deepEqual(calls, []);
    back({ git: {}, b: {}, c: {} });
    assert.equal(calls.length, 2);
    starter.dispose();
    await clock.advance(600_000);
    assert.equal(calls.length, 2);
    assert.equal(clock.pending, 0);
  });
});

describe('a server with keepWarm', () => {
  async function running(server = 'hot') {
    const all = given({ [server]: warm() });
    all.meet({ [server]: {} });
    await all.clock.advance(5_000);
    await all.comeUp(server);
    return all;
  }

  it('R5.0 is started after activation, and stays', async () => {
    const { calls, clock } = await running();
    await clock.advance(600_000);
    assert.deepEqual(calls, ['start hot']);
    assert.equal(clock.pending, 0);
  });

  it('R5.0 is started also when its tools are known', async () => {
    const { calls, clock, meet } = given({ hot: warm() });
    meet({ hot: { catalogue } });
    await clock.advance(5_000);
    assert.deepEqual(calls, ['start hot']);
  });

  it('is not started again when a person stops it', async () => {
    const { calls, clock, set, starter } = await running();
    set('hot', { sessions: 0, state: 'idle' });
    await clock.advance(600_000);
    starter.configure(configured({ hot: warm(), other: { lifeline: { enabled: false } } }));
    await clock.advance(600_000);
    assert.deepEqual(calls, ['start hot']);
  });

  it('is not started again after a person’s stop by a new engine either', async () => {
    const { back, calls, clock, lose, set } = await running();
    set('hot', { sessions: 0, state: 'idle' });
    lose();
    back({ hot: {} });
    await clock.advance(600_000);
    assert.deepEqual(calls, ['start hot']);
  });

  it('is started again after a person’s stop when its settings change', async () => {
    const { calls, clock, set, starter } = await running();
    set('hot', { sessions: 0, state: 'idle' });
    starter.configure(configured({ hot: warm({ args: ['--new'] }) }));
    await clock.advance(2_000);
    assert.deepEqual(calls, ['start hot', 'start hot']);
  });

  it('is left to its session when the engine is another one', async () => {
    const { back, calls, clock, lose, set } = await running();
    lose();
    back({ hot: {} }); // its bridge is not back yet
    await clock.advance(1_000);
    set('hot', { sessions: 1, state: 'ready' });
    await clock.advance(600_000);
    assert.deepEqual(calls, ['start hot']);
  });

  it('is started again when its session did not survive the engine', async () => {
    const { back, calls, clock, lose } = await running();
    lose();
    back({ hot: {} });
    await clock.advance(4_999);
    assert.deepEqual(calls, ['start hot']);
    await clock.advance(1);
    assert.deepEqual(calls, ['start hot', 'start hot']);
  });

  it('is started after a reload, whose engine still knows the session of the window before', async () => {
    const { calls, clock, meet, set } = given({ hot: warm() });
    meet({ hot: { sessions: 1, state: 'ready', catalogue } });
    await clock.advance(1_000);
    assert.deepEqual(calls, []);
    set('hot', { sessions: 0, state: 'idle' });
    await clock.advance(4_000);
    assert.deepEqual(calls, ['start hot']);
  });

  it('counts as running when somebody else started it, and as stopped when they stop it', async () => {
    const { calls, clock, meet, set } = given({ hot: warm() });
    meet({ hot: { sessions: 1, state: 'ready', catalogue } });
    await clock.advance(5_000);
    set('hot', { sessions: 0, state: 'idle' });
    await clock.advance(600_000);
    assert.deepEqual(calls, []);
  });

  it('stays with its session when it keeps failing: the engine tries it again', async () => {
    const { calls, clock, meet, set } = given({ hot: warm() });
    meet({ hot: {} });
    await clock.advance(5_000);
    set('hot', { state: 'crashLoop' });
    await clock.advance(600_000);
    assert.deepEqual(calls, ['start hot']);
  });
});

describe('what is remembered of first starts', () => {
  it('holds neither secrets nor anything but a digest', async () => {
    const entry = { env: { TOKEN: 'hunter2' }, args: ['--key=hunter2'] };
    const { clock, comeUp, meet, written } = given({ git: entry });
    meet({ git: {} });
    await clock.advance(5_000);
    await comeUp('git');
    assert.match(JSON.stringify(written), /^\[\{"git":"[0-9a-f]{16}"\}\]$/);
  });

  it('differs for every change of how a server is started, and for no other', () => {
    const of = (entry: Record<string, unknown>): string => {
      const [server] = configured({ a: entry });
      return server === undefined ? '' : fingerprintOf(server);
    };
    const prints = [
      {},
      { command: 'b' },
      { args: ['x'] },
      { env: { A: '1' } },
      { cwd: '/x' },
      { lifeline: { keepWarm: true } },
      { url: 'https://example.com', type: 'http' },
      { url: 'https://example.com', type: 'http', headers: { Authorization: 'x' } },
    ].map(of);
    assert.equal(new Set(prints).size, prints.length);
    assert.equal(of({ lifeline: { timeouts: { a: 5 }, tier: 'high' } }), of({}));
  });

  it('forgets servers that are not configured any more, and drops saved garbage', () => {
    const written: unknown[] = [];
    const store = (saved: unknown) => ({ read: () => saved, write: (value: unknown) => written.push(value) });
    new StartMemory(store({ old: 'x', git: 'y' })).note('new', 'z', new Set(['git', 'new']));
    assert.deepEqual(written, [{ git: 'y', new: 'z' }]);
    for (const garbage of [undefined, 7, [], 'x', { git: 7 }, { git: 'x'.repeat(100) }])
      assert.equal(new StartMemory(store(garbage)).has('git', 'y'), false);
  });
});
