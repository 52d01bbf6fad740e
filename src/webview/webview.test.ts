import assert from 'node:assert/strict';
import { FakeClock } from '../../test/support/fakeClock.ts';
import { isHostMessage } from './channel.ts';
import { connectionStates } from '../shared/model/connectionState.ts';
import { serverSnapshot, viewOf } from '../../test/support/healthBuilders.ts';
import { healthIcon } from '../extension/health/words.ts';
import { healthHeadline } from '../extension/status/statusContent.ts';
import { untranslated } from '../extension/translate.ts';
import { GRAPH_HEIGHT, GRAPH_WIDTH, graphPaths } from './components/graphPaths.ts';
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
  it('are told from what other frames say', () => {
    assert.ok(isHostMessage({ kind: 'model', model: { cards: [], notices: [] } }));
    assert.ok(isHostMessage({ kind: 'history', history: { servers: [] } }));
    for (const garbage of [null, 'x', {}, { kind: 'model' }, { kind: 'model', model: { cards: 1 } }]) {
      assert.equal(isHostMessage(garbage), false);
    }
  });
});

describe('graph', () => {
  const time = { now: 300_000, windowMs: 300_000, intervalMs: 5_000 };
  const point = (at: number, p50Ms?: number) => ({
    at,
    ...(p50Ms === undefined ? {} : { p50Ms, p95Ms: p50Ms * 2 }),
    hasFailures: false,
    isDown: false,
  });

  it('draws from left to right, the highest at the top', () => {
    const { p50, p95 } = graphPaths([point(295_000, 10), point(300_000, 20)], 40, time);
    assert.equal(p50, 'M295 29h0L300 20');
    assert.equal(p95, 'M295 20h0L300 2');
  });

  it('leaves a gap where a bucket has no calls, or is missing', () => {
    const withEmpty = graphPaths([point(0, 1), point(5_000), point(10_000, 1)], 2, time);
    const withMissing = graphPaths([point(0, 1), point(10_000, 1)], 2, time);
    assert.equal(withEmpty.p50.match(/M/g)?.length, 2);
    assert.equal(withMissing.p50, withEmpty.p50);
  });

  it('marks failures and the time in which the server was down', () => {
    const points = [{ at: 300_000, hasFailures: true, isDown: true }];
    const { failures, down, p50 } = graphPaths(points, 0, time);
    assert.deepEqual([failures, down, p50], ['M300 40v-6', 'M295 0H300V40H295Z', '']);
  });

  it('stays inside, whatever the figures are', () => {
    const points = [point(-1e9, 1e9), point(1e9, 0), point(150_000, 5)];
    const numbers = graphPaths(points, 10, time)
      .p95.match(/-?[\d.]+/g)!
      .map(Number);
    assert.ok(numbers.every((value) => value >= 0 && value <= Math.max(GRAPH_WIDTH, GRAPH_HEIGHT)));
  });
});
