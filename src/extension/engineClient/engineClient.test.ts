import assert from 'node:assert/strict';
import { FakeClock, settle } from '../../../test/support/fakeClock.ts';
import { serverSnapshot, snapshotOf } from '../../../test/support/healthBuilders.ts';
import { Fault } from '../../shared/model/fault.ts';
import type { Snapshot } from '../../shared/model/snapshot.ts';
import { EngineClient } from './engineClient.ts';
import type { EngineSession, SessionListener } from './session.ts';

const first = snapshotOf([serverSnapshot('first')]);
const second = snapshotOf([serverSnapshot('second')]);

function given() {
  const clock = new FakeClock();
  const launches: { listener: SessionListener; lose: () => void; configured: unknown[]; levels: string[] }[] =
    [];
  const client = new EngineClient({
    clock,
    onError: () => undefined,
    open: (listener) => {
      let lose: () => void = () => undefined;
      const closed = new Promise<void>((resolve) => {
        lose = resolve;
      });
      const configured: unknown[] = [];
      const levels: string[] = [];
      launches.push({ listener, lose, configured, levels });
      const session: EngineSession = {
        pid: launches.length,
        engineVersion: 'x',
        closed,
        configure: (configuration) => configured.push(configuration),
        getSnapshot: () => Promise.resolve(first),
        tellInputsChanged: () => undefined,
        wantLogLevel: (level) => levels.push(level),
        verifyAudit: () => Promise.resolve({ kind: 'absent' as const, lines: 0, message: '', folder: '' }),
        getHistory: () => Promise.resolve({ now: 1, intervalMs: 1, windowMs: 1, servers: [] }),
        getEvents: () => Promise.resolve({ now: 1, events: [], cursor: '' }),
        getWatched: () => Promise.resolve({ now: 1, watches: [] }),
        recover: () => Promise.resolve({ results: [] }),
        actOnServer: () => Promise.resolve({ done: true, message: '' }),
        stop: () => {
          lose();
          return Promise.resolve();
        },
      };
      return Promise.resolve(session);
    },
  });
  const told: (Snapshot | undefined)[] = [];
  client.onDidChangeSnapshot((snapshot) => told.push(snapshot));
  return { clock, client, launches, told };
}

const configuration = { servers: [], connection: { user: {}, workspace: {} }, trusted: true };

describe('engine client', () => {
  it('R6.3 refuses requests at once while there is no engine', async () => {
    const { client } = given();
    await assert.rejects(client.getSnapshot({ timeoutMs: 1 }), (error) =>
      Fault.is(error, 'engineUnavailable'),
    );
    await assert.rejects(client.recover({ mode: 'recover' }, { timeoutMs: 1 }), (error) =>
      Fault.is(error, 'engineUnavailable'),
    );
    client.configure(configuration);
  });

  it('asks for the first snapshot, in case the engine has nothing to tell', async () => {
    const { client, told } = given();
    client.start();
    await settle();
    assert.deepEqual(told, [first]);
    assert.equal(client.snapshot, first);
  });

  it('shows nothing of a lost engine as current', async () => {
    const { client, launches, clock } = given();
    client.start();
    await settle();
    await clock.advance(60_000);
    const seen: unknown[] = [];
    client.onDidChangeStatus((status) => seen.push([status.kind, client.snapshot]));
    launches[0]?.lose();
    await settle();
    assert.deepEqual(seen[0], ['recovering', undefined]);
    assert.equal(client.status.kind, 'running');
  });

  it('drops what an earlier engine still says', async () => {
    const { client, launches, clock } = given();
    client.start();
    await clock.advance(60_000);
    launches[0]?.lose();
    await settle();
    launches[1]?.listener.onSnapshot(first);
    launches[0]?.listener.onSnapshot(second);
    assert.equal(client.snapshot, first);
  });

  it('tells the running engine of new settings', async () => {
    const { client, launches } = given();
    client.start();
    await settle();
    client.configure(configuration);
    assert.deepEqual(launches[0]?.configured, [configuration]);
  });

  it('R11.4 tells each engine how much of its log is shown', async () => {
    const { client, clock, launches } = given();
    client.wantLogLevel('debug');
    client.start();
    await settle();
    assert.deepEqual(launches[0]?.levels, ['debug']);
    client.wantLogLevel('info');
    launches[0].lose();
    await clock.advance(60_000);
    assert.deepEqual([launches[0].levels, launches[1]?.levels], [['debug', 'info'], ['info']]);
  });

  it('tells of a recovery, whoever asked for it, and hands its result on', async () => {
    const { client, clock } = given();
    client.start();
    await clock.advance(0);
    const told: string[] = [];
    client.onDidStartRecovery(({ params, done }) => {
      void done.then(({ results }) => told.push(`${params.mode} ${results.length}`));
    });
    await client.recover({ mode: 'restart' }, { timeoutMs: 1 });
    await settle();
    assert.deepEqual(told, ['restart 0']);
  });

  it('lets no listener break it', async () => {
    const { client } = given();
    client.onDidChangeStatus(() => {
      throw new Error('a listener of somebody else');
    });
    client.start();
    await settle();
    assert.equal(client.status.kind, 'running');
  });
});
