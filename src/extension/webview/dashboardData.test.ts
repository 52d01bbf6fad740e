import assert from 'node:assert/strict';
import { serverSnapshot } from '../../../test/support/healthBuilders.ts';
import type { WatchedSnapshot } from '../../shared/model/watched.ts';
import type { DashboardEvents } from '../../shared/protocol/dashboardMessages.ts';
import { eventKinds, type EngineEvent, type EventsParams } from '../../shared/protocol/eventMessages.ts';
import type { History, HistoryParams, HistorySample } from '../../shared/protocol/historyMessages.ts';
import { untranslated } from '../translate.ts';
import { EventTail, shownEvent } from './eventModel.ts';
import { historyMessages, HistoryTail } from './historyModel.ts';
import { buildWatched } from './watchedModel.ts';

const now = 1_700_000_100_000;

describe('history model', () => {
  const sample = (at: number, changes: object = {}): HistorySample => ({
    at,
    state: 'ready',
    calls: 1,
    failures: 0,
    ...changes,
  });
  const base = { now, intervalMs: 5_000, windowMs: 300_000 };
  const told = (history: History) =>
    historyMessages(history, history, { range: '5m', isDelta: false }, untranslated);

  it('R12.3 says the whole graph in words', () => {
    const samples = [
      sample(now - 10_000, { latency: { p50Ms: 10, p95Ms: 30 }, calls: 4 }),
      sample(now - 5_000, { state: 'recovering', calls: 0, breaker: 'open' }),
      sample(now, { latency: { p50Ms: 20, p95Ms: 25 }, calls: 3, failures: 2, usable: 0.5, down: 0.5 }),
    ];
    const [message] = told({ ...base, servers: [{ id: 'a', samples }] });
    const [server] = message!.servers;
    assert.equal(
      server?.summary,
      'The last 5 minutes: 7 calls, 2 failed. p50 from 10 ms to 20 ms, p95 up to 30 ms. It was down for 7.5 s. The breaker held calls back.',
    );
    assert.deepEqual(
      server.points.map(({ usable, down, failures, breaker }) => [usable, down, failures, breaker]),
      [
        [1, 0, 0, 'closed'],
        [0, 1, 0, 'open'],
        [0.5, 0.5, 2, 'closed'],
      ],
    );
  });

  it('has no figures without calls', () => {
    const samples = [sample(now, { calls: 0 })];
    const [message] = told({ ...base, servers: [{ id: 'a', samples }] });
    assert.equal(message?.servers[0]?.summary, 'The last 5 minutes: 0 calls, 0 failed.');
  });

  it('R12.3 comes in parts, of which only the first makes void what was', () => {
    const servers = Array.from({ length: 25 }, (_, index) => ({ id: `s${index}`, samples: [sample(now)] }));
    assert.deepEqual(
      told({ ...base, servers }).map((message) => [message.isDelta, message.servers.length]),
      [
        [false, 10],
        [true, 10],
        [true, 5],
      ],
    );
  });

  it('R12.3 asks for a range once, and then for what is new; another range begins anew', async () => {
    const asked: HistoryParams[] = [];
    const tail = new HistoryTail((params) => {
      asked.push(params);
      const isDelta = params.since === undefined ? {} : { isDelta: true };
      return Promise.resolve({ ...base, servers: [], cursor: `c${asked.length}`, ...isDelta });
    }, untranslated);
    const first = await tail.next();
    const second = await tail.next();
    tail.restart('7d');
    const other = await tail.next();
    assert.deepEqual(asked, [
      { resolution: '5s', rangeMs: 300_000 },
      { resolution: '5s', rangeMs: 300_000, since: 'c1' },
      { resolution: '15m', rangeMs: 604_800_000 },
    ]);
    assert.deepEqual([first[0]?.isDelta, second[0]?.isDelta, other[0]?.isDelta], [false, true, false]);
  });

  it('drops an answer for a range that is not shown any more', async () => {
    const { promise, resolve } = Promise.withResolvers<History>();
    const tail = new HistoryTail(() => promise, untranslated);
    const answer = tail.next();
    tail.restart('1h');
    resolve({ ...base, servers: [] });
    assert.deepEqual(await answer, []);
  });
});

describe('events of the dashboard', () => {
  const event = (id: number, changes: Partial<EngineEvent> = {}): EngineEvent => ({
    id,
    kind: 'fault',
    server: 'git',
    at: now,
    call: 'echo',
    fault: 'requestTimeout',
    ...changes,
  });

  it('R12.3 are told in words, with how often', () => {
    const words = (changes: Partial<EngineEvent>) => shownEvent(event(1, changes), untranslated).text;
    assert.equal(words({}), 'echo failed: requestTimeout');
    assert.equal(words({ count: 3, lastAt: now }), 'echo failed: requestTimeout (3 times)');
    assert.equal(
      words({ kind: 'state', from: 'ready', to: 'broken', fault: 'exited' }),
      'connection lost, before that connected: exited',
    );
    assert.equal(words({ kind: 'restart', ms: 1_500 }), 'usable again after 1.5 s');
    assert.equal(words({ kind: 'breaker', breaker: 'open' }), 'the breaker opened: calls are held back');
    assert.equal(words({ kind: 'action', action: 'isolate', done: false }), 'Isolate Server: not done');
    for (const kind of eventKinds) assert.notEqual(words({ kind, action: 'restart' }), '', kind);
  });

  it('R12.3 are told from the newest back to the oldest, then only what is new', async () => {
    const all = Array.from({ length: 4_500 }, (_, id) => event(id));
    const asked: EventsParams[] = [];
    const tail = new EventTail((params) => {
      asked.push(params);
      const { before = all.length, limit = 500, since } = params;
      if (since !== undefined)
        return Promise.resolve({ now, events: [event(4_500)], cursor: 'b', isDelta: true });
      const events = all.slice(Math.max(0, before - limit), before);
      return Promise.resolve({ now, events, cursor: 'a', hasMore: before > limit });
    }, untranslated);
    const told: DashboardEvents[] = [];
    await tail.tell((events) => told.push(events));
    assert.deepEqual(
      asked.map(({ before, since }) => [before, since]),
      [
        [undefined, undefined],
        [2_500, undefined],
        [500, undefined],
      ],
    );
    assert.equal(new Set(told.flatMap(({ events }) => events.map(({ id }) => id))).size, 4_500);
    assert.deepEqual(
      told.map(({ isDelta }) => isDelta),
      [false, ...told.slice(1).map(() => true)],
    );
    assert.ok(told.every(({ events }) => events.length <= 500));
    told.length = 0;
    await tail.tell((events) => told.push(events));
    assert.deepEqual(
      told.map(({ isDelta, events }) => [isDelta, events.map(({ id }) => id)]),
      [[true, [4_500]]],
    );
  });
});

describe('watched values of the dashboard', () => {
  it('R11.7 have their thresholds, their gaps, and why the last one is missing', () => {
    const watched = {
      name: 'queue',
      state: 'above',
      value: 12.34567,
      max: 10,
      everyMs: 1_000,
      taken: 2,
      missing: 1,
    } as const;
    const entries = [
      { kind: 'value', due: now - 3_000, at: now - 3_000, value: 4 },
      { kind: 'missed', count: 1, from: now - 2_000, to: now - 2_000, reason: 'away' },
      { kind: 'value', due: now - 1_000, at: now - 1_000, value: 12.34567 },
      { kind: 'value', due: now - 900_000, at: now - 900_000, value: 99 },
    ] as const;
    const history = { now, watches: [{ name: 'queue', everyMs: 1_000, entries: [...entries] }] };
    const shown = (changes: Partial<WatchedSnapshot> = {}) =>
      buildWatched(
        serverSnapshot('a', { watched: [{ ...watched, ...changes }] }),
        history,
        300_000,
        untranslated,
      ).values[0]!;
    assert.deepEqual(
      shown().points.map(({ value }) => value),
      [4, undefined, 12.34567],
    );
    assert.deepEqual([shown().text, shown().tone], ['12.35, above 10', 'error']);
    assert.equal(shown().limits, 'alert above 10');
    assert.equal(shown().summary, '2 samples, from 4 to 12.35');
    const missed = { reason: 'away', since: now } as const;
    assert.equal(shown({ state: 'missed', missed }).text, '12.35 at last; the server is not there now');
  });
});
