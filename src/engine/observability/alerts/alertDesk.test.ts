import assert from 'node:assert/strict';
import { FakeClock } from '../../../../test/support/fakeClock.ts';
import { serverSnapshot } from '../../../../test/support/healthBuilders.ts';
import type { FaultCode } from '../../../shared/model/fault.ts';
import { parseSnapshot, type AlertSnapshot, type Snapshot } from '../../../shared/model/snapshot.ts';
import { parseAlertSettings } from '../../../shared/settings/alertSettings.ts';
import type { Observation, ObservedCall } from '../observations.ts';
import { AlertDesk } from './alertDesk.ts';
import type { MeasuredServer } from './measures.ts';

type Alterable<T> = { -readonly [Name in keyof T]: T[Name] };

function given(values: Record<string, unknown> = {}) {
  const clock = new FakeClock();
  const server: Alterable<MeasuredServer> = {
    name: 'git',
    state: 'ready',
    breaker: 'closed',
    brokenPipes: 0,
  };
  const engine: Alterable<Snapshot['engine']> = {
    pid: 1,
    version: '1',
    startedAt: 0,
    journalReliable: true,
  };
  const told: Observation[] = [];
  const others: MeasuredServer[] = [];
  const state = { changes: 0, looks: 0, settings: parseAlertSettings([{ path: 'x', values }]).settings };
  const desk = new AlertDesk({
    clock,
    servers: () => ((state.looks += 1), [server, ...others]),
    settings: () => state.settings,
    engine: () => engine,
    redact: (text) => text.replaceAll('s3cret', '***'),
    onChange: () => (state.changes += 1),
    tell: (change) => told.push(change),
  });
  const snapshot = (): AlertSnapshot[] =>
    desk.snapshot([serverSnapshot('git', { state: server.state, sentence: 'It said s3cret.' })], engine);
  const call = (attempts: number, times = 1): void => {
    const ended = { server: 'git', attempts } as unknown as ObservedCall;
    for (let time = 0; time < times; time += 1) desk.onCall(ended);
    desk.touch();
  };
  const retry = (after: FaultCode): void =>
    desk.onEvent({
      kind: 'retry',
      server: 'git',
      callId: 'c',
      method: 'tools/call',
      tool: 't',
      retry: 1,
      after,
      pauseMs: 0,
    });
  /** Something has changed, and the time has come to look. */
  const look = async (ms = 1_000): Promise<string[]> => {
    desk.touch();
    await clock.advance(ms);
    return snapshot().map(({ rule }) => rule);
  };
  return { clock, desk, server, others, engine, told, state, snapshot, call, retry, look };
}

describe('alerts of an engine', () => {
  it('R11.3 counts broken pipes of calls that failed and of calls that a retry has saved', async () => {
    const { server, retry, look, snapshot } = given();
    await look();
    server.brokenPipes = 3;
    retry('exited');
    retry('brokenPipe');
    // Not a lost connection.
    retry('unavailable');
    assert.deepEqual(await look(), []);
    server.brokenPipes = 4;
    assert.deepEqual(await look(), ['brokenPipes']);
    const [alert] = snapshot();
    assert.deepEqual([alert?.value, alert?.threshold, alert?.windowMs], [6, 5, 60_000]);
    assert.match(alert?.sentence ?? '', /^In the last minute 6 calls were cut off by a broken pipe/);
  });

  it('R11.3 broken pipes are over when the minute is, though nothing else happens', async () => {
    const { server, look, clock, snapshot, told } = given();
    await look();
    server.brokenPipes = 6;
    await look();
    await clock.advance(57_000);
    assert.equal(snapshot().length, 1);
    await clock.advance(3_000);
    assert.deepEqual(snapshot(), []);
    assert.equal(clock.pending, 0);
    assert.deepEqual(
      told.map((change) => change.kind === 'alert' && [change.rule, change.server, change.to]),
      [
        ['brokenPipes', 'git', 'firing'],
        ['brokenPipes', 'git', 'resolved'],
      ],
    );
  });

  it('R11.3 the retry rate says nothing of fewer than twenty calls, and 30 % is not too much', async () => {
    const { call, look, snapshot } = given();
    await look();
    call(2, 19);
    assert.deepEqual(await look(), []);
    call(1, 44);
    call(0, 1_000);
    // 19 of 63: 30.2 %
    assert.deepEqual(await look(), ['retryRate']);
    assert.match(snapshot()[0]?.sentence ?? '', /^Of the calls of the last 5 minutes 30 % had to be sent/);
    // 19 of 126: 15.1 %, of 127: 15 %
    call(1, 63);
    assert.deepEqual(await look(), ['retryRate']);
    call(1, 1);
    assert.deepEqual(await look(), []);
  });

  it('R11.3 exactly 30 % of twenty calls raises nothing, and a retry rate ends when nobody calls any more', async () => {
    const { call, look, clock, snapshot } = given();
    await look();
    call(2, 6);
    call(1, 14);
    assert.deepEqual(await look(), []);
    call(3, 1);
    assert.deepEqual(await look(), ['retryRate']);
    await clock.advance(300_000);
    assert.deepEqual(snapshot(), []);
    assert.equal(clock.pending, 0);
  });

  it('R11.3 a crash loop lasts through the attempts to start it, and its sentence is the server’s, without secrets', async () => {
    const { server, look, snapshot } = given();
    server.state = 'crashLoop';
    assert.deepEqual(await look(), ['crashLoop']);
    for (const state of ['connecting', 'initializing', 'probing', 'broken', 'recovering'] as const) {
      server.state = state;
      assert.deepEqual(await look(), ['crashLoop'], state);
    }
    server.state = 'crashLoop';
    const [alert] = snapshot();
    assert.deepEqual([alert?.sentence, alert?.severity, alert?.server], ['It said ***.', 'error', 'git']);
    assert.deepEqual([alert?.value, alert?.threshold, alert?.windowMs], [undefined, undefined, undefined]);
    server.state = 'ready';
    assert.deepEqual(await look(), []);
  });

  it('R11.3 a crash loop whose cause is known tells it, and what helps', async () => {
    const { server, look, desk, engine } = given();
    server.state = 'crashLoop';
    await look();
    const diagnosis = { cause: 'portInUse', sentence: 'Port 8123 is in use.', advice: 'Free it.' } as const;
    const [alert] = desk.snapshot([serverSnapshot('git', { state: 'crashLoop', diagnosis })], engine);
    assert.equal(
      alert?.sentence,
      'It keeps failing and is tried again at long intervals. Port 8123 is in use. Free it.',
    );
    const [back] = desk.snapshot([serverSnapshot('git', { sentence: 'It answers.' })], engine);
    assert.equal(back?.sentence, 'It kept failing until a moment ago.');
  });

  it('R11.3 an open breaker lasts through half-open, and is no alarm of a server that nobody uses', async () => {
    const { server, look } = given();
    server.breaker = 'halfOpen';
    assert.deepEqual(await look(), []);
    server.breaker = 'open';
    assert.deepEqual(await look(), ['breakerOpen']);
    server.breaker = 'halfOpen';
    assert.deepEqual(await look(), ['breakerOpen']);
    server.breaker = 'open';
    server.state = 'idle';
    assert.deepEqual(await look(), []);
  });

  it('R3.8 a missing sign-in is told until the server answers', async () => {
    const { server, look } = given();
    server.state = 'needsSignIn';
    assert.deepEqual(await look(), ['needsSignIn']);
    server.state = 'connecting';
    assert.deepEqual(await look(), ['needsSignIn']);
    server.state = 'ready';
    assert.deepEqual(await look(), []);
  });

  it('R11.3 tells of an audit trail and a journal that cannot be written', async () => {
    const { engine, look, snapshot } = given();
    engine.journalReliable = false;
    engine.audit = { enabled: true, lost: 1, degraded: 'No space for s3cret.' };
    assert.deepEqual(await look(), ['auditTrail', 'journal']);
    assert.deepEqual([snapshot()[0]?.sentence, snapshot()[0]?.server], ['No space for ***.', undefined]);
    engine.audit = { enabled: true, lost: 1 };
    assert.deepEqual(await look(), ['journal']);
  });

  it('R11.7 a watched value is told in its own words, each by itself', async () => {
    const { desk, look, snapshot } = given();
    desk.raiseWatched('git', 'phi', 'The watched value "phi" is 0.02.');
    desk.raiseWatched('git', 'queue', 'The watched value "queue" is 9.');
    assert.deepEqual(await look(), ['watchedValue', 'watchedValue']);
    desk.raiseWatched('git', 'phi', 'The watched value "phi" is 0.01.');
    assert.deepEqual(
      snapshot().map(({ subject, sentence }) => [subject, sentence]),
      [
        ['phi', 'The watched value "phi" is 0.01.'],
        ['queue', 'The watched value "queue" is 9.'],
      ],
    );
    desk.clearWatched('git', 'queue');
    desk.clearWatched('git', 'unknown');
    await look();
    assert.deepEqual(
      snapshot().map(({ subject }) => subject),
      ['phi'],
    );
  });

  it('R11.6 Φ below 0.95 is told after a minute without a further word', async () => {
    const { desk, clock, snapshot } = given();
    desk.reportContinuity(0.9312);
    await clock.advance(59_000);
    assert.deepEqual(snapshot(), []);
    await clock.advance(2_000);
    assert.match(snapshot()[0]?.sentence ?? '', /93\.1 % of the time \(Φ 0\.931\), less than the 95 %/);
    desk.reportContinuity(undefined);
    await clock.advance(2_000);
    assert.equal(snapshot().length, 1);
    desk.reportContinuity(0.97);
    await clock.advance(2_000);
    assert.deepEqual(snapshot(), []);
  });

  it('R5.6 what was counted before a force recovery says nothing of the fresh start', async () => {
    const { desk, server, look } = given();
    await look();
    server.brokenPipes = 9;
    await look();
    desk.onEvent({ kind: 'recovery', server: 'git', outcome: 'failed', ms: 1 });
    assert.deepEqual(await look(), ['brokenPipes']);
    desk.onEvent({ kind: 'recovery', server: 'git', outcome: 'recovered', ms: 1 });
    assert.deepEqual(await look(), []);
  });

  it('R5.6 an alert that came and went too often does not linger after a force recovery', async () => {
    const { desk, server, look } = given();
    for (const breaker of ['open', 'closed', 'open', 'closed', 'open', 'closed'] as const) {
      server.breaker = breaker;
      await look();
    }
    assert.deepEqual(await look(), ['breakerOpen']);
    desk.onEvent({ kind: 'recovery', server: 'git', outcome: 'recovered', ms: 1 });
    assert.deepEqual(await look(), []);
  });

  it('R11.3 a server that is removed takes its counts with it, and leaves those of the others', async () => {
    const { desk, server, others, look } = given();
    const added = { ...server, name: 'files' };
    others.push(added);
    await look();
    server.brokenPipes = 6;
    others[0] = { ...added, brokenPipes: 9 };
    assert.deepEqual(await look(), ['brokenPipes', 'brokenPipes']);
    others.pop();
    assert.deepEqual(await look(), ['brokenPipes']);
    desk.onCall({ server: 'files', attempts: 1 } as unknown as ObservedCall);
    // One of the same name is another server: what it counted before is nothing new.
    others.push(added);
    assert.deepEqual(await look(), ['brokenPipes']);
  });

  it('R11.3 other settings count at once; a window of another length begins empty', async () => {
    const { server, look, state } = given();
    await look();
    server.brokenPipes = 6;
    assert.deepEqual(await look(), ['brokenPipes']);
    const values = { brokenPipes: { threshold: 6 } };
    state.settings = parseAlertSettings([
      { path: 'x', values: { brokenPipes: { threshold: 1, window: 30 } } },
    ]).settings;
    assert.deepEqual(await look(), []);
    server.brokenPipes = 8;
    assert.deepEqual(await look(), ['brokenPipes']);
    state.settings = parseAlertSettings([{ path: 'x', values }]).settings;
    assert.deepEqual(await look(), []);
  });

  it('looks once a second at most, and not at all when nothing happens', async () => {
    const { desk, clock, state } = given();
    for (let step = 0; step < 100; step += 1) {
      desk.touch();
      await clock.advance(50);
    }
    assert.equal(state.looks, 6);
    assert.equal(clock.pending <= 1, true);
    await clock.advance(1_000);
    assert.equal(clock.pending, 0);
  });

  it('looks once a second at most while what it counts falls more often', async () => {
    const { server, look, state, clock } = given({ brokenPipes: { threshold: 1, window: 10 } });
    await look();
    server.brokenPipes = 9;
    await look();
    const before = state.looks;
    await clock.advance(5_000);
    assert.equal(state.looks - before <= 5, true, `${state.looks - before} looks in five seconds`);
  });

  it('does nothing any more when disposed while it was at rest', async () => {
    const { desk, clock, look } = given();
    await look();
    await clock.advance(5_000);
    assert.equal(clock.pending, 0);
    desk.dispose();
    desk.raiseWatched('git', 'phi', 'The watched value "phi" is 0.02.');
    desk.touch();
    assert.equal(clock.pending, 0);
  });

  it('tells of a change only when there is one, and is quiet when disposed', async () => {
    const { desk, server, look, state, clock } = given();
    server.breaker = 'open';
    await look();
    await look();
    assert.equal(state.changes, 1);
    desk.touch();
    desk.dispose();
    desk.touch();
    assert.equal(clock.pending, 0);
  });

  it('R14.3 is bounded, and fits the snapshot whatever it is told', async () => {
    const { desk, look, snapshot, engine } = given();
    for (let index = 0; index < 2_000; index += 1)
      desk.raiseWatched('git', `${index}${'x'.repeat(5_000)}`, 'y'.repeat(50_000));
    await look();
    const alerts = snapshot();
    assert.equal(alerts.length, 200);
    parseSnapshot({ version: 1, engine, servers: [], problems: [], alerts });
  });

  it('R14.3 keeps a thousand watched values, and what is said of those anew', async () => {
    const { desk, look, snapshot } = given();
    for (let index = 0; index < 1_500; index += 1) desk.raiseWatched('git', `${index}`, 'It is low.');
    desk.raiseWatched('git', '0', 'It is lower.');
    await look();
    assert.equal(snapshot()[0]?.sentence, 'It is lower.');
    for (let index = 0; index < 1_000; index += 1) desk.clearWatched('git', `${index}`);
    assert.deepEqual(await look(), []);
  });
});
