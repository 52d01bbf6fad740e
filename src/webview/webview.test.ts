import assert from 'node:assert/strict';
import { FakeClock } from '../../test/support/fakeClock.ts';
import { connectionStates } from '../shared/model/connectionState.ts';
import { serverSnapshot, viewOf } from '../../test/support/healthBuilders.ts';
import { healthIcon } from '../extension/health/words.ts';
import { healthHeadline } from '../extension/status/statusContent.ts';
import { untranslated } from '../extension/translate.ts';
import { buildDashboard } from '../extension/webview/dashboardModel.ts';
import type { DashboardEvent, HistoryPoint } from '../shared/protocol/dashboardData.ts';
import { filterEvents } from './components/eventLog.ts';
import { plotData } from './components/plotData.ts';
import { breakerPaths, statePaths } from './components/strips.ts';
import { HistoryStore } from './historyStore.ts';
import { parseHostMessage } from './hostMessage.ts';
import { parsePageState } from './pageState.ts';
import { isDrawn } from './components/icon.ts';
import { HostTime } from './hostTime.ts';
import { Moments } from './moments.ts';

describe('moments', () => {
  const moments = new Moments('en');

  it('are told as people tell them', () => {
    const told = [0, -400, -3_000, 12_400, -61_000, 7_200_000, -90_000_000].map((by) => moments.relative(by));
    assert.deepEqual(told, ['now', 'now', '3 sec. ago', 'in 12 sec.', '1 min. ago', 'in 2 hr.', 'yesterday']);
  });

  it('R1.5 are told in the language of the editor, and in English when that is none', () => {
    assert.equal(new Moments('pt-br').relative(-3_000), 'há 3 seg.');
    assert.equal(new Moments('not a language!').relative(-3_000), '3 sec. ago');
  });

  it('are filled into a phrase that has one, and into nothing else', () => {
    assert.equal(moments.words({ text: 'tried again {0}', at: 5_000 }, 1_000), 'tried again in 4 sec.');
    assert.equal(moments.words({ text: 'a {0} b' }, 1_000), 'a {0} b');
  });
});

describe('icons', () => {
  it('R12.3 are drawn for every state, so that none looks like another', () => {
    const servers = [
      ...connectionStates.map((state) => serverSnapshot('s', { state })),
      serverSnapshot('s', { busySince: 1 }),
      serverSnapshot('s', { degraded: { reason: 'fewerTools', sentence: '', missing: [] } }),
      serverSnapshot('s', { breaker: { state: 'open', failures: 3 } }),
    ];
    for (const server of servers) {
      const view = viewOf([server]);
      const names = [healthIcon(view.servers[0]!.health).name, healthHeadline(view, untranslated).icon];
      for (const name of names) assert.ok(isDrawn(name), `${server.state}: ${name}`);
    }
  });
});

describe('host time', () => {
  it('goes on from what the host said last, whatever this machine believes', async () => {
    const clock = new FakeClock();
    const time = new HostTime(clock);
    assert.equal(time.now, undefined);
    time.set(5_000_000);
    await clock.advance(1_500);
    assert.equal(time.now, 5_001_500);
  });
});

describe('messages of the host', () => {
  const model = buildDashboard(
    {
      view: viewOf([serverSnapshot('a', { state: 'crashLoop', metrics: { total: 3 } })]),
      now: 1,
      recoveryOf: () => undefined,
      restartedAt: () => undefined,
    },
    untranslated,
  );
  const history = { range: '5m', now: 1, windowMs: 1, intervalMs: 1, isDelta: false, servers: [] };

  it('R12.3 are taken as the host makes them', () => {
    const event = { id: 1, at: 1, kind: 'fault', tone: 'error', text: 'x' };
    for (const message of [
      { kind: 'model', isDelta: false, model },
      { kind: 'history', history },
      { kind: 'events', events: { isDelta: true, events: [event] } },
      { kind: 'watched', watched: { server: 'a', now: 1, windowMs: 1, values: [] } },
    ]) {
      assert.equal(parseHostMessage(message), message, message.kind);
    }
  });

  it('R12.3 are told from what other frames say, and have limits', () => {
    const point = { at: 1, ms: 1, failures: 0, usable: 1, down: 0, breaker: 'closed' };
    const server = (points: unknown) => ({ name: 'a', summary: '', points });
    for (const garbage of [
      null,
      'x',
      {},
      { kind: 'constructor' },
      { kind: 'model' },
      { kind: 'model', isDelta: false, model: { ...model, cards: 1 } },
      { kind: 'model', isDelta: false, model: { ...model, sentence: 'x'.repeat(10_001) } },
      { kind: 'history', history: { ...history, servers: [server([{ ...point, at: NaN }])] } },
      { kind: 'history', history: { ...history, servers: [server(Array(2_001).fill(point))] } },
      { kind: 'history', history: { ...history, servers: Array(11).fill(server([])) } },
      { kind: 'events', events: { isDelta: true, events: [{ id: '1' }] } },
    ]) {
      assert.equal(parseHostMessage(garbage), undefined);
    }
  });
});

describe('what a person arranged', () => {
  it('R12.3 is taken as far as it can be used', () => {
    const kept = { range: '7d', server: 'a', kind: 'fault', text: 'x' };
    assert.deepEqual(parsePageState(kept), kept);
    const nothing = { range: '5m', server: '', kind: '', text: '' };
    for (const garbage of [undefined, null, 7, { range: '9y', server: 7, text: 'x'.repeat(300) }]) {
      assert.deepEqual(parsePageState(garbage), nothing);
    }
  });
});

const point = (at: number, changes: Partial<HistoryPoint> = {}): HistoryPoint => ({
  at,
  ms: 5_000,
  failures: 0,
  usable: 1,
  down: 0,
  breaker: 'closed',
  ...changes,
});

describe('history of the page', () => {
  const base = { range: '5m', windowMs: 20_000, intervalMs: 5_000 } as const;
  const told = (points: HistoryPoint[]) => [{ name: 'a', summary: 's', points }];
  const times = (store: HistoryStore): number[] => store.of('a').points.map(({ at }) => at);

  it('R12.3 joins what is new, and forgets what is older than the window', () => {
    const store = new HistoryStore();
    store.apply({ ...base, now: 10_000, isDelta: false, servers: told([point(5_000), point(10_000)]) });
    store.apply({ ...base, now: 15_000, isDelta: true, servers: told([point(15_000)]) });
    assert.deepEqual(times(store), [5_000, 10_000, 15_000]);
    store.apply({ ...base, now: 26_000, isDelta: true, servers: [] });
    assert.deepEqual(times(store), [10_000, 15_000]);
    store.apply({ ...base, now: 30_000, isDelta: false, servers: [] });
    assert.deepEqual(times(store), []);
  });

  it('R12.3 takes no part of a range that is not shown', () => {
    const store = new HistoryStore();
    store.apply({ ...base, now: 10_000, isDelta: false, servers: told([point(10_000)]) });
    store.apply({ ...base, range: '7d', now: 11_000, isDelta: true, servers: told([point(11_000)]) });
    assert.deepEqual(times(store), [10_000]);
  });
});

describe('graph', () => {
  const time = { now: 300_000, windowMs: 300_000, intervalMs: 5_000 };

  it('R12.3 leaves a gap where a bucket has no calls, or is missing', () => {
    const figures = { p50Ms: 1, p95Ms: 2 };
    const empty = plotData([point(5_000, figures), point(10_000), point(15_000, figures)], time);
    assert.deepEqual(empty.lines[0], [1, null, 1]);
    const missing = plotData([point(5_000, figures), point(15_000, figures)], time);
    assert.deepEqual(missing.lines, [
      [1, null, 1],
      [2, null, 2],
    ]);
    assert.deepEqual(missing.at, [2_500, 7_500, 12_500]);
  });

  it('R12.3 tells states by height, and draws nothing where nothing is known', () => {
    const points = [point(150_000, { ms: 150_000 }), point(300_000, { ms: 30_000, usable: 0.5, down: 0.5 })];
    const { usable, down, unused } = statePaths(points, time);
    assert.deepEqual([usable, down, unused], ['M0 3.5H500V6.5H0Z', 'M900 0H1000V10H900Z', '']);
  });

  it('R12.3 shows what was short, and joins what belongs together', () => {
    const open = { breaker: 'open', ms: 10 } as const;
    const paths = breakerPaths([point(100_000, open), point(295_000), point(300_000)], time);
    assert.equal(paths.open, 'M333.3 0H337.3V10H333.3Z');
    assert.equal(paths.closed, 'M966.7 4.5H1000V5.5H966.7Z');
  });
});

describe('event log', () => {
  const event = (id: number, changes: Partial<DashboardEvent> = {}): DashboardEvent => ({
    id,
    at: id,
    kind: 'fault',
    tone: 'error',
    text: 'echo failed: requestTimeout',
    ...changes,
  });
  const events = [
    event(3, { server: 'git' }),
    event(2, { server: 'files', kind: 'state', text: 'connected' }),
    event(1, { kind: 'engine', text: 'the engine started' }),
  ];
  const ids = (filter: Partial<Parameters<typeof filterEvents>[1]>): number[] =>
    filterEvents(events, { server: '', kind: '', text: '', ...filter }).map(({ id }) => id);

  it('R12.3 is filtered by server, kind and text', () => {
    assert.deepEqual(ids({}), [3, 2, 1]);
    assert.deepEqual(ids({ server: 'git' }), [3]);
    assert.deepEqual(ids({ kind: 'state' }), [2]);
    assert.deepEqual(ids({ text: ' ECHO ' }), [3]);
    assert.deepEqual(ids({ text: 'files' }), [2]);
    assert.deepEqual(ids({ server: 'git', kind: 'state' }), []);
  });
});
