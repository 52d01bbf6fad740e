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
import { figureRows } from './components/figureRows.ts';
import { FrameQueue } from './frameQueue.ts';
import { HistoryStore } from './historyStore.ts';
import { parseHostMessage } from './hostMessage.ts';
import { keptState, parsePageState, ROWS, STATE_VERSION, type PageState } from './pageState.ts';
import { writeNumber } from './components/units.ts';
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
    assert.equal(moments.words({ text: 'It is {0}.', at: 5_000 }, 1_000), 'It is in 4 sec.');
    assert.equal(moments.words({ text: 'It is {0}.', at: 1_000 }, 1_000), 'It is now.');
  });
});

describe('figures on graphs', () => {
  it('R1.5 have the decimal sign of the language', () => {
    assert.deepEqual(
      [writeNumber(1.25, 'en'), writeNumber(1.25, 'pt-BR'), writeNumber(-0.5, 'pt-BR')],
      ['1.25', '1,25', '-0,5'],
    );
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
    for (const message of [
      { kind: 'model', isDelta: false, model },
      { kind: 'history', history },
      { kind: 'events', events: { isDelta: true, events: [event] } },
      { kind: 'watched', watched: { server: 'a', now: 1, windowMs: 1, values: [] } },
      { kind: 'told', part: 'events', range: '5m', isWhole: true },
      { kind: 'done', ask: 3 },
    ]) {
      assert.equal(parseHostMessage(message), message, message.kind);
    }
  });

  const event = { id: 1, at: 1, kind: 'fault', tone: 'error', text: 'x' };

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
      { kind: 'history', history: { ...history, windowMs: 0 } },
      { kind: 'history', history: { ...history, servers: [server([{ ...point, usable: 2 }])] } },
      { kind: 'history', history: { ...history, servers: [server([{ ...point, ms: -1 }])] } },
      { kind: 'history', history: { ...history, servers: [server({ length: 1, every: () => true })] } },
      { kind: 'history', history: { ...history, range: 'constructor' } },
      { kind: 'events', events: { isDelta: true, events: [{ ...event, at: 1e300 }] } },
      { kind: 'events', events: { isDelta: true, events: [{ ...event, id: 0.5 }] } },
      { kind: 'events', events: { isDelta: true, events: Array(501).fill(event) } },
      { kind: 'model', isDelta: false, model: { ...model, names: Array(1_001).fill('a') } },
      { kind: 'model', isDelta: false, model: { ...model, now: -9e15 } },
      { kind: 'told', part: 'everything', range: '5m', isWhole: true },
      { kind: 'done', ask: -1 },
      { kind: '__proto__' },
      [],
      () => undefined,
    ]) {
      assert.equal(parseHostMessage(garbage), undefined);
    }
  });
});

describe('what a person arranged', () => {
  it('R12.3 is taken as far as it can be used', () => {
    const state: PageState = {
      range: '7d',
      server: 'a',
      kind: 'fault',
      text: 'x',
      rows: 300,
      open: ['a', 'b'],
      place: { server: 'a', isEvents: false, offset: 40 },
    };
    assert.deepEqual(parsePageState(structuredClone(keptState(state))), state);
  });

  const nothing = parsePageState(undefined);

  it('R12.3 is not taken from another version, and never fails', () => {
    assert.deepEqual(nothing.place, { server: '', isEvents: false, offset: 0 });
    const good = { ...keptState({ ...nothing, range: '7d' }) };
    for (const garbage of [null, 7, 'x', [], { range: '7d' }, { ...good, version: STATE_VERSION + 1 }]) {
      assert.deepEqual(parsePageState(garbage), nothing);
    }
    assert.equal(parsePageState(good).range, '7d');
  });

  it('R12.3 has limits: what is beyond them is left out, and the rest is taken', () => {
    const long = 'x'.repeat(300);
    for (const hostile of [
      { range: '9y', server: 7, kind: {}, text: long, rows: 1e9, open: 'a', place: 'top' },
      { rows: -1, open: Array(201).fill('a'), place: { server: long, isEvents: 1, offset: -5 } },
      { rows: NaN, open: [7, long, '', null], place: { server: null, offset: Infinity } },
      { rows: '300', open: { length: 1, 0: 'a' }, place: { offset: 2 ** 60 } },
      { range: ['7d'], place: { offset: 1.5 } },
    ]) {
      assert.deepEqual(parsePageState({ version: STATE_VERSION, ...hostile }), nothing);
    }
    const mixed = parsePageState({ version: STATE_VERSION, text: 'kept', open: ['a', 'a', 7], rows: {} });
    assert.deepEqual([mixed.text, mixed.open, mixed.rows], ['kept', ['a'], ROWS]);
    assert.deepEqual(parsePageState(keptState({ ...nothing, rows: 9_000 })).rows, 1_000);
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

  it('R12.3 knows of no more servers than there can be', () => {
    const store = new HistoryStore();
    const names = Array.from({ length: 1_005 }, (_, index) => `s${index}`);
    const servers = names.map((name) => ({ name, summary: '', points: [point(10_000)] }));
    store.apply({ ...base, now: 10_000, isDelta: false, servers });
    assert.deepEqual([store.of('s999').points.length, store.of('s1000').points.length], [1, 0]);
  });

  it('R12.3 takes no part of a range that is not shown', () => {
    const store = new HistoryStore();
    store.apply({ ...base, now: 10_000, isDelta: false, servers: told([point(10_000)]) });
    store.apply({ ...base, range: '7d', now: 11_000, isDelta: true, servers: told([point(11_000)]) });
    assert.deepEqual(times(store), [10_000]);
  });
});

describe('work that can wait for a frame', () => {
  function given() {
    const clock = { ms: 0, now: () => clock.ms };
    const frames: (() => void)[] = [];
    const queue = new FrameQueue(clock, (run) => frames.push(run));
    const frame = (): void => frames.shift()?.();
    return { clock, queue, frames, frame };
  }

  it('R12.3 is spread over frames, a few milliseconds in each, and at least one thing', () => {
    const { clock, queue, frames, frame } = given();
    const done: number[] = [];
    for (const number of [1, 2, 3, 4]) {
      queue.add({}, () => {
        done.push(number);
        clock.ms += number === 4 ? 90 : 4;
      });
    }
    frame();
    assert.deepEqual(done, [1, 2]);
    frame();
    assert.deepEqual([done, frames.length], [[1, 2, 3, 4], 0]);
  });

  it('is done once for each owner, as asked last; not for one that has gone, and not less for one that fails', () => {
    const { queue, frames, frame } = given();
    const done: string[] = [];
    const [owner, gone] = [{}, {}];
    queue.add(owner, () => done.push('first'));
    queue.add(gone, () => done.push('gone'));
    queue.add(owner, () => {
      done.push('last');
      throw new Error('cannot be drawn');
    });
    queue.add({}, () => done.push('other'));
    queue.remove(gone);
    assert.throws(frame, /cannot be drawn/);
    frame();
    assert.deepEqual([done, frames.length], [['last', 'other'], 0]);
  });
});

describe('figures as a table', () => {
  it('R12.3 tell what the graph draws, in stretches that a person can read, the newest first', () => {
    const rows = figureRows(
      [
        point(5_000, { calls: 4, failures: 1, p50Ms: 10, p95Ms: 40 }),
        point(30_000, { calls: 2, p50Ms: 20, p95Ms: 30, breaker: 'open' }),
        point(35_000, { usable: 0.5, down: 0.5, breaker: 'halfOpen' }),
      ],
      300_000,
      () => 0,
    );
    assert.deepEqual(rows, [
      {
        from: 30_000,
        calls: 0,
        failures: 0,
        p50: undefined,
        p95: undefined,
        usableMs: 2_500,
        downMs: 2_500,
        breaker: 'halfOpen',
      },
      {
        from: 0,
        calls: 6,
        failures: 1,
        p50: [10, 20],
        p95: [30, 40],
        usableMs: 10_000,
        downMs: 0,
        breaker: 'open',
      },
    ]);
  });

  it('R12.3 have 15 rows at most or so, which begin at full hours of the local time', () => {
    const hour = 3_600_000;
    const week = Array.from({ length: 672 }, (_, index) =>
      point((index + 1) * hour * 0.25, { ms: hour / 4 }),
    );
    const rows = figureRows(week, 168 * hour, () => -3 * hour);
    assert.equal(rows.length, 15);
    assert.deepEqual(
      rows.slice(-2).map(({ from }) => from / hour),
      [3, -9],
    );
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
