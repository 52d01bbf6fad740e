import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeClock } from '../../../test/support/fakeClock.ts';
import { Emitter } from '../../shared/base/emitter.ts';
import type { ConnectionState } from '../../shared/model/connectionState.ts';
import { CatalogueStore } from '../catalogue/catalogue.ts';
import { Tide } from '../policies/backoff/tide.ts';
import { ServerRegistry } from '../servers/serverRegistry.ts';
import type { AttachedSession } from '../servers/serverRuntime.ts';
import type { Connection } from '../upstream/connection.ts';
import { forceRecovery } from './forceRecovery.ts';
import { ServerRecovery } from './serverRecovery.ts';

const fail = (error: unknown): never => {
  throw error;
};

/** A connection that goes where the test sends it. */
class FakeConnection {
  state: ConnectionState;
  inFlight = 0;
  restarted = 0;
  readonly onForced: () => void;
  readonly #changed = new Emitter<ConnectionState>(fail);
  readonly onDidChange = this.#changed.event;
  readonly diagnosis = 'It ended.';
  readonly restarts = 0;
  readonly waiting = 0;
  readonly startFault = undefined;

  constructor(state: ConnectionState, onForced: () => void = () => undefined) {
    this.state = state;
    this.onForced = onForced;
  }

  get listeners(): number {
    return this.#changed.listenerCount;
  }

  forceRestart(): void {
    this.restarted += 1;
    this.onForced();
  }

  go(state: ConnectionState): void {
    this.state = state;
    this.#changed.fire(state);
  }
}

function given(tiers: Record<string, string>) {
  const clock = new FakeClock();
  const tide = new Tide(clock);
  const registry = new ServerRegistry({
    clock,
    store: new CatalogueStore(join(tmpdir(), 'there-is-no-such-folder'), 'w', () => undefined),
    environment: {},
    recovery: (name) => new ServerRecovery(name, { clock, random: () => 0.5, tide }),
    onListenerError: fail,
  });
  registry.configure({
    servers: Object.entries(tiers).map(([name, tier]) => ({
      name,
      entry: { command: 'x', lifeline: { tier } },
      origin: 'user',
    })),
    connection: { user: {}, workspace: {} },
    trusted: true,
  });
  const attach = (name: string, ...connections: FakeConnection[]): void => {
    for (const connection of connections) {
      const session: AttachedSession = {
        isClient: true,
        connection: connection as unknown as Connection,
        promiseBroken: false,
        onConfigurationChanged: () => undefined,
      };
      registry.find(name)?.attach(session);
    }
  };
  const recover = (server?: string, more: { interruptCalls?: boolean } = {}) =>
    forceRecovery(registry, { mode: 'recover', ...(server === undefined ? {} : { server }), ...more }, clock);
  return { clock, registry, attach, recover };
}

const outcomes = ({ results }: Awaited<ReturnType<typeof forceRecovery>>) =>
  results.map(({ server, outcome }) => `${server} ${outcome}`);

describe('force recovery', () => {
  it('R5.6 of all leaves alone what is healthy, idle, isolated or starting for the first time, and starts the rest by tier', async () => {
    const { registry, attach, recover } = given({
      well: 'medium',
      idle: 'medium',
      isolated: 'medium',
      starting: 'medium',
      ill: 'medium',
      important: 'critical',
    });
    const order: string[] = [];
    const ill: FakeConnection = new FakeConnection('crashLoop', () => {
      order.push('ill');
      ill.go('ready');
    });
    const important: FakeConnection = new FakeConnection('needsSignIn', () => {
      order.push('important');
      important.go('needsSignIn');
    });
    attach('well', new FakeConnection('ready'));
    attach('starting', new FakeConnection('initializing'));
    registry.find('isolated')?.isolate();
    attach('ill', ill);
    attach('important', important);
    assert.deepEqual(outcomes(await recover()), [
      'well skipped',
      'idle skipped',
      'isolated skipped',
      'starting skipped',
      'ill recovered',
      'important failed',
    ]);
    assert.deepEqual(order, ['important', 'ill']);
    assert.equal(ill.listeners + important.listeners, 0);
  });

  it('R5.6 of all asks before calls are ended; one server by name is always acted on', async () => {
    const { attach, recover } = given({ s: 'medium' });
    const busy: FakeConnection = new FakeConnection('suspect', () => busy.go('ready'));
    busy.inFlight = 2;
    attach('s', busy);
    const { results } = await recover(undefined, { interruptCalls: false });
    assert.equal(results[0]?.outcome, 'skipped');
    assert.match(results[0].message, /^2 calls are running on it, so it was left alone\./);
    assert.deepEqual([results[0].runningCalls, busy.restarted], [2, 0]);
    assert.deepEqual(outcomes(await recover('s', { interruptCalls: false })), ['s recovered']);
  });

  for (const state of ['crashLoop', 'needsSignIn', 'recovering', 'ready', 'idle', 'initializing'] as const) {
    it(`R5.6 by name acts on a server that is ${state}`, async () => {
      const { attach, recover } = given({ s: 'medium' });
      const connection: FakeConnection = new FakeConnection(state, () => connection.go('ready'));
      attach('s', connection);
      assert.deepEqual(outcomes(await recover('s')), ['s recovered']);
      assert.equal(connection.restarted, 1);
    });
  }

  it('R5.6 a second one while one runs joins it', async () => {
    const { attach, recover } = given({ s: 'medium' });
    const connection = new FakeConnection('crashLoop');
    attach('s', connection);
    const [first, second] = [recover('s'), recover()];
    connection.go('connecting');
    connection.go('ready');
    assert.deepEqual([outcomes(await first), outcomes(await second)], [['s recovered'], ['s recovered']]);
    assert.equal(connection.restarted, 1);
    connection.state = 'crashLoop';
    const third = recover('s');
    connection.go('crashLoop');
    assert.deepEqual(outcomes(await third), ['s failed']);
    assert.equal(connection.restarted, 2, 'the next one is one of its own');
  });

  it('R5.6 a process that does not end holds nobody up: a verdict comes after a minute, that of the others at their time', async () => {
    const { clock, attach, recover } = given({ hung: 'medium', ill: 'medium' });
    const hung = new FakeConnection('recovering');
    const ill: FakeConnection = new FakeConnection('crashLoop', () => ill.go('ready'));
    attach('hung', hung);
    attach('ill', ill);
    const work = recover();
    await clock.advance(60_000);
    const { results } = await work;
    assert.deepEqual(
      results.map(({ server, outcome, durationMs }) => [server, outcome, durationMs]),
      [
        ['hung', 'failed', 60_000],
        ['ill', 'recovered', 0],
      ],
    );
    assert.equal(hung.listeners + clock.pending, 0);
  });
});
