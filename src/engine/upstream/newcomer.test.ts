import assert from 'node:assert/strict';
import { FakeClock } from '../../../test/support/fakeClock.ts';
import { ScriptedTransport, type Script } from '../../../test/support/scriptedTransport.ts';
import { HealthMonitor } from '../health/healthMonitor.ts';
import { Tide } from '../policies/backoff/tide.ts';
import { RecoveryQueue } from '../recovery/recoveryQueue.ts';
import { ServerRecovery } from '../recovery/serverRecovery.ts';
import { Connection } from './connection.ts';
import { StartGate } from './startGate.ts';

const failing: Script = { start: 'fails', fault: 'exited', startMs: 10, stopMs: 10, callMs: 5 };
const good: Script = { ...failing, start: 'good' };

/** Connections to one server; `scripts` by session, the last one again and again. */
function given(startGate: boolean) {
  const clock = new FakeClock();
  const random = (): number => 0.5;
  const fail = (error: unknown): never => assert.fail(String(error));
  const recovery = new RecoveryQueue({ clock, random, intervalMs: () => 10_000, onError: fail });
  const serverRecovery = new ServerRecovery('s', { clock, random, tide: new Tide(clock) });
  const gate = new StartGate(clock);
  const health = new HealthMonitor({
    clock,
    random,
    isStopped: () => Promise.resolve(false),
    networkDigest: () => '',
    log: () => undefined,
  });
  const starts: string[] = [];
  const connect = (key: string, script: () => Script): Connection => {
    const connection: Connection = new Connection({
      key,
      server: 's',
      clock,
      policy: () => ({
        backoff: { baseMs: 1_000, maxMs: 60_000, jitterRatio: 0 },
        maxRestartAttempts: 3,
        startTimeoutMs: 30_000,
        staysConnected: true,
        healthCheckIntervalMs: 30_000,
        isRemote: false,
        tier: 'medium',
      }),
      recovery,
      serverRecovery,
      startGate: startGate ? gate : undefined,
      health,
      open: (listener) => {
        starts.push(key);
        return new ScriptedTransport(clock, listener, script(), false, 1_000 + starts.length);
      },
      nextLaunchName: () => `l${starts.length}`,
      journal: { written: () => undefined, withdrawn: () => undefined },
      client: {
        onInitialized: () => undefined,
        onClientMessage: () => undefined,
        onListChanged: () => undefined,
        onServerRequests: () => undefined,
        onProgress: () => false,
        onReady: () => undefined,
      },
      onStderr: () => undefined,
      onGarbage: () => undefined,
      onHealth: () => undefined,
      onListenerError: fail,
    });
    connection.setHello({ initialize: '{}', logLevel: undefined, subscriptions: [] });
    return connection;
  };
  return { clock, connect, starts };
}

describe('a new session of a server that keeps failing', () => {
  for (const startGate of [true, false])
    it(`R5.2 need not wait for the end of a long interval (${startGate ? 'a process' : 'over a network'})`, async () => {
      const { clock, connect, starts } = given(startGate);
      const old = connect('old', () => failing);
      old.open();
      await clock.advance(5_000);
      assert.equal(old.state, 'crashLoop');
      assert.ok((old.nextAttemptInMs ?? 0) > 50_000);
      // Somebody has mended it, and opens another window on it.
      starts.length = 0;
      const fresh = connect('fresh', () => good);
      fresh.open();
      await clock.advance(11_000);
      assert.deepEqual([fresh.state, starts[0]], ['ready', 'fresh']);
      await Promise.all([old.stop(), fresh.stop(), clock.advance(5_000)]);
    });

  it('R5.2 is one attempt more, not one every ten seconds', async () => {
    const { clock, connect, starts } = given(true);
    const [old, fresh] = [connect('old', () => failing), connect('fresh', () => failing)];
    old.open();
    await clock.advance(5_000);
    starts.length = 0;
    fresh.open();
    await clock.advance(50_000);
    assert.deepEqual(starts, ['fresh']);
    assert.equal(fresh.state, 'crashLoop');
    await Promise.all([old.stop(), fresh.stop(), clock.advance(5_000)]);
  });
});
