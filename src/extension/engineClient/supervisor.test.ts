import assert from 'node:assert/strict';
import { FakeClock, settle } from '../../../test/support/fakeClock.ts';
import { Supervisor, type EngineStatus, type SupervisedSession } from './supervisor.ts';

class FakeSession implements SupervisedSession {
  readonly pid: number;
  readonly closed: Promise<void>;
  stops = 0;
  lose: () => void = () => undefined;

  constructor(pid: number) {
    this.pid = pid;
    this.closed = new Promise((resolve) => {
      this.lose = resolve;
    });
  }

  stop(): Promise<void> {
    this.stops += 1;
    this.lose();
    return Promise.resolve();
  }
}

function given(open?: (tries: number, signal: AbortSignal) => Promise<FakeSession>) {
  const clock = new FakeClock();
  const sessions: FakeSession[] = [];
  const errors: unknown[] = [];
  let tries = 0;
  const supervisor = new Supervisor<FakeSession>({
    clock,
    onError: (_message, error) => errors.push(error),
    open: async (signal) => {
      tries += 1;
      const session = open === undefined ? new FakeSession(100 + tries) : await open(tries, signal);
      sessions.push(session);
      return session;
    },
  });
  const statuses: EngineStatus[] = [];
  supervisor.onDidChangeStatus((status) => statuses.push(status));
  return { clock, supervisor, sessions, statuses, errors, tries: () => tries };
}

describe('engine supervisor', () => {
  it('starts, runs, and offers its session only while it runs', async () => {
    const { supervisor, statuses } = given();
    const before = supervisor.session;
    supervisor.start();
    await settle();
    assert.equal(before, undefined);
    assert.deepEqual(
      statuses.map(({ kind }) => kind),
      ['starting', 'running'],
    );
    assert.equal(supervisor.session?.pid, 101);
  });

  it('opens another session at once when the first is lost', async () => {
    const { supervisor, sessions, clock } = given();
    supervisor.start();
    await settle();
    await clock.advance(60_000);
    sessions[0]?.lose();
    await settle();
    assert.equal(supervisor.status.kind, 'running');
    assert.equal(supervisor.session?.pid, 102);
  });

  it('waits longer each time a try fails, up to five seconds, and says when it tries again', async () => {
    const { supervisor, clock, tries } = given(() => Promise.reject(new Error('no engine')));
    supervisor.start();
    await settle();
    const waits = [250, 500, 1_000, 2_000, 5_000, 5_000];
    for (const [index, wait] of waits.entries()) {
      assert.equal(tries(), index + 1);
      const { status } = supervisor;
      assert.equal(status.kind === 'recovering' && status.retryAt, clock.wallNow() + wait);
      await clock.advance(wait - 1);
      assert.equal(tries(), index + 1);
      await clock.advance(1);
    }
    assert.equal(tries(), waits.length + 1);
  });

  it('R3.4 recovers from twelve losses in two minutes', async () => {
    const { supervisor, sessions, clock } = given();
    supervisor.start();
    await settle();
    for (let kill = 1; kill <= 12; kill += 1) {
      await clock.advance(9_000);
      sessions.at(-1)?.lose();
      await clock.advance(1_000);
      assert.equal(supervisor.status.kind, 'running', `after kill ${kill}`);
      assert.equal(sessions.length, kill + 1);
    }
  });

  it('forgets earlier losses after half a minute of good service', async () => {
    const { supervisor, sessions, clock } = given();
    supervisor.start();
    await settle();
    for (let loss = 0; loss < 6; loss += 1) {
      sessions.at(-1)?.lose();
      await clock.advance(6_000);
    }
    await clock.advance(30_000);
    const before = sessions.length;
    sessions.at(-1)?.lose();
    await settle();
    assert.equal(sessions.length, before + 1);
  });

  it('does not start another engine when it is stopped while waiting', async () => {
    const { supervisor, clock, tries, statuses } = given(() => Promise.reject(new Error('no engine')));
    supervisor.start();
    await settle();
    const stopped = supervisor.stop(1_000);
    await settle();
    await stopped;
    await clock.advance(60_000);
    assert.equal(tries(), 1);
    assert.equal(statuses.at(-1)?.kind, 'stopped');
  });

  it('closes a session that arrives after the stop', async () => {
    let arrive: (session: FakeSession) => void = () => undefined;
    const { supervisor, statuses } = given(
      () =>
        new Promise((resolve) => {
          arrive = resolve;
        }),
    );
    supervisor.start();
    await settle();
    const stopped = supervisor.stop(1_000);
    const late = new FakeSession(7);
    arrive(late);
    await stopped;
    assert.equal(late.stops, 1);
    assert.equal(statuses.at(-1)?.kind, 'stopped');
  });

  it('does not wait longer than its limit for a try that hangs', async () => {
    const { supervisor, clock } = given(() => new Promise(() => undefined));
    supervisor.start();
    await settle();
    let done = false;
    void supervisor.stop(1_000).then(() => {
      done = true;
    });
    await clock.advance(999);
    assert.equal(done, false);
    await clock.advance(1);
    assert.equal(done, true);
  });

  it('tries at once when asked to', async () => {
    const { supervisor, clock, tries } = given((count) =>
      count < 6 ? Promise.reject(new Error('no engine')) : Promise.resolve(new FakeSession(1)),
    );
    supervisor.start();
    await clock.advance(4_000);
    assert.equal(tries(), 5);
    supervisor.retryNow();
    await settle();
    assert.equal(supervisor.status.kind, 'running');
    assert.equal(clock.pending, 0);
  });

  it('starts again after a stop', async () => {
    const { supervisor, sessions } = given();
    supervisor.start();
    await settle();
    await supervisor.stop(1_000);
    assert.equal(sessions[0]?.stops, 1);
    supervisor.start();
    await settle();
    assert.equal(supervisor.session?.pid, 102);
  });
});
