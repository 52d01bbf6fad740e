import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeClock } from '../../../../test/support/fakeClock.ts';
import type { ConnectionState } from '../../../shared/model/connectionState.ts';
import { getEvents, type EngineEvent, type EventsParams } from '../../../shared/protocol/eventMessages.ts';
import type { ObservedCall } from '../observations.ts';
import { EventLog } from './eventLog.ts';
import { EventRing } from './eventRing.ts';

const callOf = (server: string, tool: string): ObservedCall =>
  ({ server, tool, method: 'tools/call' }) as unknown as ObservedCall;

describe('event log', () => {
  let folder: string;
  let clock: FakeClock;
  let notes: string[];
  let logs: EventLog[];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lifeline-events-'));
    clock = new FakeClock();
    notes = [];
    logs = [];
  });
  afterEach(async () => {
    for (const log of logs) await log.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const begin = (): EventLog => {
    const log = new EventLog({
      clock,
      folder,
      redact: (text) => text.replaceAll('s3cret', '***'),
      note: (text) => notes.push(text),
    });
    logs.push(log);
    return log;
  };
  const told = async (log: EventLog, params: EventsParams = {}): Promise<EngineEvent[]> => {
    const answer = await log.query(params);
    assert.deepEqual(getEvents.parseResult(JSON.parse(JSON.stringify(answer))), answer);
    return answer.events;
  };
  const moved = (server: string, from: ConnectionState, to: ConnectionState, spentMs = 5) =>
    ({ kind: 'state', server, connection: `${server}1`, from, to, spentMs }) as const;
  const withoutEngine = (events: readonly EngineEvent[]): EngineEvent[] =>
    events.filter(({ kind }) => kind !== 'engine');

  it('R12.3 tells of states with their durations, retries, faults, breakers, restarts, recoveries, actions and settings', async () => {
    const log = begin();
    log.onEvent({ kind: 'configuration', servers: ['a', 'b'] });
    log.onEvent({ ...moved('a', 'ready', 'broken', 1_234.4), fault: 'exited' });
    await clock.advance(800);
    log.onEvent(moved('a', 'broken', 'recovering'));
    log.onEvent(moved('a', 'recovering', 'ready'));
    log.onEvent({
      kind: 'retry',
      server: 'a',
      callId: 'c1',
      method: 'tools/call',
      tool: 't',
      retry: 1,
      after: 'exited',
      pauseMs: 0,
    });
    log.onCall(callOf('a', 't'), 'requestTimeout');
    for (const outcome of ['ok', 'error', 'stale', 'remembered', 'cancelled'] as const)
      log.onCall(callOf('a', 't'), outcome);
    log.onEvent({ kind: 'breaker', server: 'a', state: 'open' });
    log.onEvent({ kind: 'action', action: 'recover' });
    log.onEvent({ kind: 'recovery', server: 'a', outcome: 'recovered', ms: 12 });
    const at = clock.wallNow();
    const events = (await told(log)).map((event) => ({ ...event, id: undefined, at: undefined }));
    const plain = JSON.parse(JSON.stringify(events)) as unknown;
    assert.deepEqual(plain, [
      { kind: 'engine', engine: 'started' },
      { kind: 'configuration', servers: 2 },
      { kind: 'state', server: 'a', from: 'ready', to: 'broken', ms: 1_234, fault: 'exited' },
      { kind: 'state', server: 'a', from: 'broken', to: 'recovering', ms: 5 },
      { kind: 'state', server: 'a', from: 'recovering', to: 'ready', ms: 5 },
      { kind: 'restart', server: 'a', ms: 800, fault: 'exited' },
      { kind: 'retry', server: 'a', call: 't', fault: 'exited' },
      { kind: 'fault', server: 'a', call: 't', fault: 'requestTimeout' },
      { kind: 'breaker', server: 'a', breaker: 'open' },
      { kind: 'action', action: 'recover' },
      { kind: 'recovery', server: 'a', outcome: 'recovered', ms: 12 },
    ]);
    assert.equal((await told(log)).at(-1)?.at, at);
  });

  it('R11.4 counts what is the same again, and keeps it anew after a minute', async () => {
    const log = begin();
    await log.query({});
    for (let round = 1; round <= 5_000; round += 1) {
      log.onCall(callOf('a', 't'), 'brokenPipe');
      log.onEvent(moved('a', 'ready', 'broken', round));
      if (round % 500 === 0) await clock.advance(1_000);
    }
    const lastAt = clock.wallNow() - 1_000;
    const [fault, state, ...more] = withoutEngine(await told(log));
    assert.deepEqual([fault?.count, fault?.lastAt, more], [5_000, lastAt, []]);
    assert.deepEqual([state?.count, state?.ms, state?.totalMs], [5_000, 5_000, (5_000 * 5_001) / 2]);
    await clock.advance(61_000);
    log.onCall(callOf('a', 't'), 'brokenPipe');
    assert.equal((await told(log, { kinds: ['fault'] })).length, 2);
    await log.flush();
    const size = readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
    assert.ok(size < 10_000, `${size} bytes for 10,000 events`);
  });

  it('R11.4 one that flaps pushes out its own events only', () => {
    const ring = new EventRing({ maxEvents: 100, maxBytes: 1_000_000 });
    for (const server of ['b', 'c'])
      for (let each = 0; each < 20; each += 1) ring.add({ kind: 'state', server, at: each }, `${each}`, each);
    for (let each = 0; each < 10_000; each += 1)
      ring.add({ kind: 'state', server: 'a', at: each }, `${each}`, each);
    const of = (server: string): number => ring.all.filter(({ event }) => event.server === server).length;
    assert.deepEqual([of('a'), of('b'), of('c'), ring.count], [60, 20, 20, 100]);
    assert.equal(ring.all.at(-1)?.event.at, 9_999);
    const small = new EventRing({ maxEvents: 100, maxBytes: 1_000 });
    for (let each = 0; each < 100; each += 1)
      small.add({ kind: 'state', server: 'a', at: each }, `${each}`, each);
    assert.ok(small.bytes <= 1_000 && small.count < 10);
  });

  it('R12.3 is there after an engine that was killed, which is told, and counts its numbers on', async () => {
    const first = begin();
    first.onEvent({ kind: 'breaker', server: 'a', state: 'open' });
    await first.flush(); // killed
    const files = readdirSync(folder).map(
      (name) => [join(folder, name), readFileSync(join(folder, name))] as const,
    );
    await first.stop();
    for (const [file, bytes] of files) writeFileSync(file, bytes);
    const second = begin();
    second.onEvent({ kind: 'breaker', server: 'a', state: 'closed' });
    const events = await told(second);
    assert.deepEqual(
      events.map(({ kind, engine, breaker }) => engine ?? breaker ?? kind),
      ['started', 'open', 'lost', 'started', 'closed'],
    );
    assert.ok(events.every(({ id }, index) => index === 0 || id > events[index - 1]!.id));
    await second.stop();
    const third = begin();
    assert.deepEqual(
      (await told(third, { kinds: ['engine'] })).map(({ engine }) => engine),
      ['started', 'lost', 'started', 'stopped', 'started'],
    );
    assert.deepEqual(notes, []);
  });

  it('R14.3 a file that was cut or changed anywhere costs the event that it hit', async () => {
    const first = begin();
    for (const state of ['open', 'halfOpen', 'closed'] as const)
      first.onEvent({ kind: 'breaker', server: 'a', state });
    await first.stop();
    logs.splice(0);
    const [name = ''] = readdirSync(folder);
    const file = join(folder, name);
    const whole = readFileSync(file);
    for (let at = 0; at < whole.length; at += 1) {
      const broken = Buffer.from(whole);
      broken[at] = broken[at]! ^ 0x20;
      for (const content of [broken, whole.subarray(0, at)]) {
        writeFileSync(file, content);
        const log = begin();
        const kept = (await told(log)).filter(({ engine }) => engine === undefined).length;
        assert.ok(kept <= 3 && (content !== broken || kept >= 2), `${at}: ${kept}`);
        await log.stop();
        logs.splice(0);
      }
    }
    assert.ok(notes.length > 0);
  }).timeout(60_000);

  it('R14.4 keeps nothing secret, in memory or on disk', async () => {
    const log = begin();
    log.onCall(callOf('a', 'tool-s3cret'), 'exited');
    log.onEvent({ kind: 'action', action: 's3cret' });
    assert.doesNotMatch(JSON.stringify(await told(log)), /s3cret/);
    await log.flush();
    for (const name of readdirSync(folder))
      assert.doesNotMatch(readFileSync(join(folder, name), 'latin1'), /s3cret/);
  });

  it('R12.3 tells what is asked for: servers, kinds, how many, what was before, and what came since', async () => {
    const log = begin();
    for (let each = 0; each < 30; each += 1) {
      log.onCall(callOf(each % 2 === 0 ? 'a' : 'b', `t${each}`), 'exited');
      log.onEvent({ kind: 'breaker', server: 'a', state: each % 2 === 0 ? 'open' : 'closed' });
    }
    const onlyA = { servers: ['a'], kinds: ['fault'] } satisfies EventsParams;
    assert.equal((await told(log, onlyA)).length, 15);
    const page = await log.query({ ...onlyA, limit: 10 });
    assert.deepEqual([page.events.length, page.hasMore, page.events.at(-1)?.call], [10, true, 't28']);
    const older = await log.query({ ...onlyA, limit: 10, before: page.events[0]!.id });
    assert.deepEqual([older.events.length, older.hasMore], [5, undefined]);
    assert.deepEqual((await log.query({ ...onlyA, since: page.cursor })).events, []);
    log.onCall(callOf('a', 't28'), 'exited');
    log.onCall(callOf('a', 'new'), 'exited');
    const delta = await log.query({ ...onlyA, since: page.cursor });
    assert.deepEqual(
      delta.events.map(({ id, call, count }) => [id === page.events.at(-1)?.id, call, count]),
      [
        [true, 't28', 2],
        [false, 'new', undefined],
      ],
    );
    const first = await log.query({ ...onlyA, since: page.cursor, limit: 1 });
    assert.deepEqual([first.events.length, first.hasMore], [1, true]);
    const rest = await log.query({ ...onlyA, since: first.cursor });
    assert.deepEqual(
      rest.events.map(({ call }) => call),
      ['new'],
    );
    assert.equal((await log.query({ since: '1.1' })).isDelta, undefined);
  });

  it('forgets what is older than a week, and leaves what an earlier client does not know to later ones', async () => {
    const first = begin();
    first.onEvent({ kind: 'breaker', server: 'a', state: 'open' });
    await first.stop();
    await clock.advance(8 * 86_400_000);
    const second = begin();
    assert.deepEqual(
      (await told(second)).map(({ engine }) => engine),
      ['started'],
    );
    const answer = getEvents.parseResult({
      now: 1,
      cursor: '1.1',
      events: [
        { id: 1, kind: 'unheardOf', at: 1 },
        { id: 2, kind: 'engine', at: 1 },
      ],
    });
    assert.deepEqual(
      answer.events.map(({ id }) => id),
      [2],
    );
  });

  it('R14.3 its file stays bounded, whatever happens', async function () {
    this.timeout(30_000);
    const log = begin();
    await log.query({});
    for (let round = 0; round < 60; round += 1) {
      for (let each = 0; each < 1_000; each += 1)
        log.onCall(callOf('a', `${round}.${each}.${'x'.repeat(150)}`), 'exited');
      await clock.advanceQuickly(1_000);
      await log.flush();
    }
    const size = readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
    assert.ok(size < 9_000_000, String(size));
    assert.ok((await told(log, { limit: 2_000 })).length === 2_000);
  });

  it('leaves no timer behind', async () => {
    const log = begin();
    log.onEvent({ kind: 'action', action: 'recover' });
    await log.stop();
    assert.equal(clock.pending, 0);
  });
});
