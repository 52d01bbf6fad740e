import assert from 'node:assert/strict';
import { FakeClock } from '../../../test/support/fakeClock.ts';
import { serverSnapshot, snapshotOf, viewOf } from '../../../test/support/healthBuilders.ts';
import { Emitter } from '../../shared/base/emitter.ts';
import { Fault } from '../../shared/model/fault.ts';
import type { RecoverParams, RecoverResult } from '../../shared/protocol/engineMessages.ts';
import type { HostMessage } from '../../shared/protocol/dashboardMessages.ts';
import type { History } from '../../shared/protocol/historyMessages.ts';
import { untranslated } from '../translate.ts';
import { DashboardFeed } from './dashboardFeed.ts';
import { buildDashboard, type DashboardParts } from './dashboardModel.ts';
import { pageHtml, pageWords } from './pageHtml.ts';
import { Recoveries } from './recoveries.ts';
import { RestartTimes } from './restartTimes.ts';

const now = 1_700_000_100_000;
const onError = (error: unknown): void => {
  throw error;
};

function build(view: DashboardParts['view'], parts: Partial<DashboardParts> = {}) {
  const nothing = () => undefined;
  return buildDashboard({ view, now, recoveryOf: nothing, restartedAt: nothing, ...parts }, untranslated);
}

const cardOf = (...args: Parameters<typeof build>) => build(...args).cards[0]!;
const factOf = (card: ReturnType<typeof cardOf>, key: string) => card.facts.find((fact) => fact.key === key);

describe('dashboard model', () => {
  it('R12.3 says of a server what it is, since when, its latency, breaker and last error', () => {
    const card = cardOf(
      viewOf([
        serverSnapshot('a', {
          breaker: { state: 'open', failures: 3, retryAt: now + 12_000 },
          latency: { p50Ms: 12, p95Ms: 40, p99Ms: 41, lastMs: 12, samples: 5 },
          lastError: { code: 'requestTimeout', message: 'It was late {0}.', at: now - 1_000 },
          metrics: { total: 7, failed: 2 },
        }),
      ]),
    );
    assert.deepEqual([card.state, card.tone, card.icon], ['refusing calls', 'warning', 'warning']);
    assert.equal(card.latency, 'p50 12 ms, p95 40 ms');
    assert.deepEqual(factOf(card, 'since')?.phrase, { text: '{0}', at: 1_700_000_000_000 });
    assert.deepEqual(factOf(card, 'breaker')?.phrase, {
      text: 'open, 3 failures in a row; tried again {0}',
      at: now + 12_000,
    });
    // The server's words are apart: nothing is filled in there.
    assert.equal(factOf(card, 'error')?.detail, 'It was late {0}.');
    assert.equal(factOf(card, 'calls')?.phrase.text, '7 in all, 2 failed');
  });

  it('R12.3 says since when a server is busy, why it is down, what is missing, who waits and where calls go', () => {
    const diagnosis = {
      cause: 'portInUse',
      sentence: 'Port 80 is taken.',
      advice: 'Free it.',
      holder: { pid: 7, program: 'node', isStale: true },
    } as const;
    const down = cardOf(viewOf([serverSnapshot('a', { state: 'crashLoop', diagnosis })]));
    assert.equal(factOf(down, 'cause')?.detail, 'Port 80 is taken. Free it.');
    const wordy = { ...diagnosis, sentence: 'x'.repeat(400) };
    const cause = factOf(
      cardOf(viewOf([serverSnapshot('a', { state: 'crashLoop', diagnosis: wordy })])),
      'cause',
    );
    assert.match(cause?.detail ?? '', /^x{300}… Free it\.$/, 'what to do is never cut off');
    assert.deepEqual(down.actions, [{ id: 'freePort', label: 'Free the Port', spoken: 'Free the Port: a' }]);
    const degraded = { reason: 'fewerTools' as const, sentence: 'Fewer.', missing: ['read'] };
    const less = cardOf(viewOf([serverSnapshot('a', { degraded })]));
    assert.deepEqual([less.tone, less.state], ['warning', 'fewer tools than before']);
    assert.deepEqual([less.sentence, factOf(less, 'degraded')], ['Fewer. Missing: read.', undefined]);
    assert.deepEqual(
      less.actions.map(({ id }) => id),
      ['acceptChange'],
    );
    const pool = { available: 0, max: 10, queued: 2 };
    const busy = cardOf(
      viewOf([
        serverSnapshot('a', {
          busySince: now - 20_000,
          pool,
          endpoint: 'https://b',
          rate: { current: 20, max: 20, queued: 0, rejected: 0 },
        }),
      ]),
    );
    assert.equal(factOf(busy, 'rate')?.phrase.text, '20 requests per second at most');
    assert.deepEqual([busy.tone, busy.isUnwell, busy.actions], ['busy', false, []]);
    assert.deepEqual(factOf(busy, 'busy')?.phrase, { text: '{0}', at: now - 20_000 });
    assert.equal(factOf(busy, 'queue')?.phrase.text, '2 calls wait for a place; at most 10 at a time');
    assert.equal(factOf(busy, 'endpoint')?.detail, 'https://b');
  });

  it('R12.4 offers to rejoin and to reset where that is what is in the way, and nothing without an engine', () => {
    const ids = (...args: Parameters<typeof viewOf>) => cardOf(viewOf(...args)).actions.map(({ id }) => id);
    assert.deepEqual(ids([serverSnapshot('a', { state: 'isolated' })]), ['rejoin']);
    const open = [serverSnapshot('a', { breaker: { state: 'open' as const, failures: 3 } })];
    assert.deepEqual(ids(open), ['resetBreaker']);
    assert.deepEqual(ids(open, { engine: { kind: 'stopped' } }), []);
  });

  it('has no calls yet, and no next attempt, where there is none', () => {
    const card = cardOf(viewOf([serverSnapshot('a')]));
    assert.equal(card.latency, 'no calls yet');
    const failedOnly = viewOf([serverSnapshot('a', { metrics: { total: 2, failed: 2 } })]);
    assert.equal(cardOf(failedOnly).latency, 'no answered call yet');
    assert.equal(factOf(card, 'next'), undefined);
    assert.equal(factOf(card, 'restarts'), undefined);
  });

  it('points out a restart that is over already, for a minute', () => {
    const view = viewOf([serverSnapshot('a', { metrics: { restarts: 2 } })]);
    const recent = cardOf(view, { restartedAt: () => now - 3_000 });
    assert.deepEqual(recent.recent, { text: 'restarted {0}', at: now - 3_000 });
    assert.deepEqual(factOf(recent, 'restarts')?.phrase, { text: '2, the last {0}', at: now - 3_000 });
    assert.equal(cardOf(view, { restartedAt: () => now - 61_000 }).recent, undefined);
    const down = viewOf([serverSnapshot('a', { state: 'crashLoop' })]);
    assert.equal(cardOf(down, { restartedAt: () => now - 3_000 }).recent, undefined);
  });

  it('offers recovery of all only when something is unwell', () => {
    assert.equal(build(viewOf([serverSnapshot('a')])).canRecoverAll, false);
    const broken = build(viewOf([serverSnapshot('a'), serverSnapshot('b', { state: 'crashLoop' })]));
    assert.deepEqual([broken.canRecoverAll, broken.count], [true, '1 of 2 healthy or idle']);
    assert.deepEqual(
      broken.cards.map(({ isUnwell }) => isUnwell),
      [false, true],
    );
  });

  it('shows a recovery under way, and its verdict', () => {
    const view = viewOf([serverSnapshot('a')]);
    const words = (recovery: ReturnType<DashboardParts['recoveryOf']>) =>
      cardOf(view, { recoveryOf: () => recovery }).recovery;
    assert.deepEqual(words({ kind: 'running', mode: 'recover' }), { kind: 'running', text: 'Recovering…' });
    assert.deepEqual(words({ kind: 'recovered', message: 'x', durationMs: 180 }), {
      kind: 'succeeded',
      text: 'Recovered in 180 ms.',
    });
    assert.equal(words({ kind: 'failed', message: 'Gone.', durationMs: 1 })?.text, 'Not recovered. Gone.');
  });

  it('R6.3 says that there is no engine, what happens next, and when', () => {
    const engine = { kind: 'recovering', reason: 'lost', failedTries: 2, retryAt: now + 5_000 } as const;
    const { notices, cards, canRecoverAll } = build(
      viewOf([serverSnapshot('a', { state: 'broken' })], { engine }),
    );
    assert.deepEqual(
      notices.map(({ key, next, action }) => [key, next, action?.id]),
      [['engine', { text: 'The next try is {0}.', at: now + 5_000 }, 'startEngine']],
    );
    assert.equal(cards[0]?.canRecover, false);
    assert.equal(canRecoverAll, false);
  });

  it('R12.3 says what the engine cannot do', () => {
    const troubles = [{ kind: 'journal' as const, sentence: undefined }];
    const [notice] = build(viewOf([serverSnapshot('a')], { troubles })).notices;
    assert.deepEqual([notice?.key, notice?.tone], ['journal', 'warning']);
    assert.notEqual(notice?.text, '');
  });

  it('leads to the settings when no server is configured, and to trust in Restricted Mode', () => {
    const { notices, cards } = build(viewOf([], { trusted: false }));
    assert.deepEqual(
      notices.map(({ action }) => action?.id),
      ['manageTrust', 'openSettings'],
    );
    assert.deepEqual(cards, []);
  });

  it('does not say the same error twice', () => {
    const lastError = { code: 'exited' as const, message: 'It ended.', at: now };
    const quoted = cardOf(
      viewOf([serverSnapshot('a', { state: 'crashLoop', sentence: 'Bad. It ended.', lastError })]),
    );
    assert.equal(factOf(quoted, 'error')?.detail, undefined);
    assert.equal(factOf(cardOf(viewOf([serverSnapshot('a', { lastError })])), 'error')?.detail, 'It ended.');
  });

  it('is bounded: a long text of a server is cut', () => {
    const message = 'x'.repeat(4_000);
    const card = cardOf(
      viewOf([serverSnapshot('a', { lastError: { code: 'requestTimeout', message, at: now } })]),
    );
    assert.equal(factOf(card, 'error')?.detail?.length, 301);
  });
});

describe('overview of the dashboard', () => {
  it('R12.3 counts the servers by health, the worst first, and tells who is tried next and when', () => {
    const { counts, queue } = build(
      viewOf([
        serverSnapshot('a'),
        serverSnapshot('b', { state: 'crashLoop', nextAttemptAt: now + 60_000 }),
        serverSnapshot('c', { state: 'recovering', nextAttemptAt: now + 5_000 }),
        serverSnapshot('d', { breaker: { state: 'open', failures: 3, retryAt: now + 9_000 } }),
      ]),
    );
    assert.deepEqual(
      counts.map(({ text }) => text),
      ['1 failing', '1 recovering', '1 in doubt', '1 healthy'],
    );
    assert.deepEqual(
      queue.map(({ server, phrase }) => [server, phrase.text]),
      [
        ['c', 'next try {0}'],
        ['d', 'calls are tried again {0}'],
        ['b', 'next try {0}'],
      ],
    );
  });

  it('R11.3 R11.6 tells what fires, and the figures of continuity with what they mean', () => {
    const span = { wantedMs: 1, longCalls: 0, reconnects: 0, calls: 4, missed: [] };
    const { alerts, continuity } = build(
      viewOf([serverSnapshot('a')], {
        alerts: [
          {
            rule: 'breakerOpen',
            server: 'a',
            severity: 'warning',
            sentence: '',
            since: now,
            count: 4,
            isFlapping: true,
          },
        ],
        continuity: {
          windowMs: 3_600_000,
          life: { ...span, phi: 1, deltaMs: 3.26 },
          recent: { ...span, phi: 0.93999, deltaMs: 612, missed: ['phi', 'deltaMs'] },
        },
      }),
    );
    assert.equal(
      alerts[0]?.text,
      'a: It failed repeatedly; calls are held back for now. It comes and goes, 4 times by now.',
    );
    assert.deepEqual(
      continuity.map(({ symbol, value, detail, isMissed }) => [symbol, value, detail, isMissed]),
      [
        ['Φ', '93.9 %', '100 % since the start; misses its target of 95 %', true],
        ['Ψ', 'no data', '', false],
        ['σ', 'no data', '', false],
        ['Δ', '612 ms', '3.3 ms since the start; misses its target of 500 ms', true],
      ],
    );
    const unmeasured = { windowMs: 1, life: span, recent: span };
    assert.deepEqual(build(viewOf([], { continuity: unmeasured })).continuity, []);
  });

  it('R12.3 tells of cache and tokens only when there is something to tell', () => {
    const keys = (metrics: object) =>
      cardOf(viewOf([serverSnapshot('a', { metrics })])).facts.map(({ key }) => key);
    assert.ok(!keys({ cacheHits: 0 }).includes('cache'));
    assert.ok(keys({ cacheHits: 3, tokensSaved: 9 }).join().endsWith('cache,tokens'));
  });
});

describe('restart times', () => {
  it('knows only the restarts that it saw, and takes a new engine for what it is', async () => {
    const clock = new FakeClock();
    const times = new RestartTimes(clock);
    const apply = (restarts: number) =>
      times.apply(snapshotOf([serverSnapshot('a', { metrics: { restarts } })]));
    apply(3);
    assert.equal(times.of('a'), undefined);
    await clock.advance(1_000);
    apply(4);
    const seen = clock.wallNow();
    await clock.advance(1_000);
    apply(4);
    assert.equal(times.of('a'), seen);
    apply(0);
    assert.equal(times.of('a'), seen);
    times.apply(undefined);
    times.apply(snapshotOf([]));
    assert.equal(times.of('a'), undefined);
  });
});

describe('recoveries', () => {
  function given() {
    const clock = new FakeClock();
    const started = new Emitter<{ params: RecoverParams; done: Promise<RecoverResult> }>(onError);
    const view = viewOf([
      serverSnapshot('well'),
      serverSnapshot('ill', { state: 'crashLoop' }),
      serverSnapshot('at work', { busySince: 1 }),
      serverSnapshot('less', { degraded: { reason: 'fewerTools', sentence: '', missing: ['a'] } }),
      serverSnapshot('put aside', { state: 'isolated', breaker: { state: 'isolated', failures: 0 } }),
    ]);
    const recoveries = new Recoveries({ onDidStartRecovery: started.event }, clock, () => view, onError);
    let told = 0;
    recoveries.onDidChange(() => (told += 1));
    const start = (params: RecoverParams) => {
      const { promise, resolve, reject } = Promise.withResolvers<RecoverResult>();
      started.fire({ params, done: promise });
      return { resolve, reject };
    };
    return { clock, recoveries, start, told: () => told };
  }
  const verdict = (server: string, outcome: 'recovered' | 'failed' | 'skipped') => ({
    server,
    outcome,
    message: 'm',
    durationMs: 5,
  });

  it('follows one from its start to its verdict, which stands for a minute', async () => {
    const { clock, recoveries, start, told } = given();
    const { resolve } = start({ mode: 'recover', server: 'ill' });
    assert.equal(recoveries.of('ill')?.kind, 'running');
    assert.equal(recoveries.of('well'), undefined);
    resolve({ results: [verdict('ill', 'recovered')] });
    await clock.advance(59_000);
    assert.equal(recoveries.of('ill')?.kind, 'recovered');
    await clock.advance(2_000);
    assert.equal(recoveries.of('ill'), undefined);
    assert.equal(told(), 3);
  });

  it('of all servers, is about those that are not well', async () => {
    const { clock, recoveries, start } = given();
    const { resolve } = start({ mode: 'recover' });
    assert.deepEqual([recoveries.of('well'), recoveries.of('ill')?.kind], [undefined, 'running']);
    resolve({ results: [verdict('well', 'skipped'), verdict('ill', 'failed')] });
    await clock.advance(0);
    assert.deepEqual([recoveries.of('well'), recoveries.of('ill')?.kind], [undefined, 'failed']);
    start({ mode: 'recover' }).resolve({ results: [verdict('ill', 'skipped')] });
    await clock.advance(0);
    assert.equal(recoveries.of('ill'), undefined);
    start({ mode: 'recover', server: 'well' }).resolve({ results: [verdict('well', 'skipped')] });
    await clock.advance(0);
    assert.equal(recoveries.of('well')?.kind, 'skipped');
  });

  it('of all servers, is not about those that it leaves alone', () => {
    const { recoveries, start } = given();
    start({ mode: 'recover' });
    for (const server of ['at work', 'less', 'put aside'])
      assert.equal(recoveries.of(server), undefined, server);
  });

  it('ends with an engine that is lost, and leaves nothing of one that was cancelled', async () => {
    const { clock, recoveries, start } = given();
    start({ mode: 'recover', server: 'ill' }).reject(new Fault('engineUnavailable', 'Lost.'));
    await clock.advance(0);
    assert.deepEqual(recoveries.of('ill'), { kind: 'failed', message: 'Lost.', durationMs: 0 });
    start({ mode: 'recover', server: 'ill' }).reject(new Fault('cancelled', 'Cancelled.'));
    await clock.advance(0);
    assert.equal(recoveries.of('ill'), undefined);
  });

  it('shows the later of two, and leaves no timer behind', async () => {
    const { clock, recoveries, start } = given();
    const first = start({ mode: 'recover', server: 'ill' });
    const second = start({ mode: 'restart', server: 'ill' });
    first.resolve({ results: [verdict('ill', 'failed')] });
    await clock.advance(0);
    assert.deepEqual(recoveries.of('ill'), { kind: 'running', mode: 'restart' });
    second.resolve({ results: [verdict('ill', 'recovered')] });
    await clock.advance(0);
    recoveries.dispose();
    assert.equal(clock.pending, 0);
  });
});

describe('dashboard feed', () => {
  function given() {
    const clock = new FakeClock();
    const changed = new Emitter<undefined>(onError);
    const posted: HostMessage[] = [];
    const state = { snapshot: serverSnapshot('a'), asked: 0, isSilent: false, hasEvents: false };
    const history: History = { now, windowMs: 300_000, intervalMs: 5_000, servers: [] };
    const feed = new DashboardFeed(
      clock,
      {
        get model() {
          return build(viewOf([state.snapshot]), { now: clock.wallNow() });
        },
        onDidChange: changed.event,
        history: () => {
          state.asked += 1;
          return Promise.resolve(state.isSilent ? undefined : history);
        },
        events: () => Promise.resolve(state.hasEvents ? { now, events: [], cursor: 'c' } : undefined),
        watched: () => Promise.resolve([]),
      },
      { post: (message) => posted.push(message) },
      untranslated,
    );
    const show = (changes: Parameters<typeof serverSnapshot>[1]) => {
      state.snapshot = serverSnapshot('a', changes);
      changed.fire(undefined);
    };
    const kinds = () => posted.splice(0).map(({ kind }) => kind);
    return { clock, feed, show, kinds, state, posted };
  }

  it('R12.3 sends nothing to a page that nobody sees, and everything when it is shown', async () => {
    const { clock, feed, show, kinds, state } = given();
    show({ state: 'broken' });
    await clock.advance(60_000);
    assert.deepEqual([kinds(), state.asked], [[], 0]);
    feed.setVisible(true);
    await clock.advance(0);
    assert.deepEqual(kinds().sort(), ['history', 'model', 'told', 'told']);
    feed.setVisible(false);
    show({ state: 'ready' });
    await clock.advance(60_000);
    assert.deepEqual(kinds(), []);
    feed.setVisible(true);
    await clock.advance(0);
    assert.deepEqual(kinds().sort(), ['history', 'model', 'told', 'told']);
  });

  it('sends a change of a state at once, figures at most every 250 ms, and nothing twice', async () => {
    const { clock, feed, show, kinds } = given();
    feed.setVisible(true);
    await clock.advance(1_000);
    kinds();
    show({ metrics: { total: 1 } });
    show({ metrics: { total: 2 } });
    show({ metrics: { total: 3 } });
    assert.deepEqual(kinds(), ['model']);
    await clock.advance(249);
    assert.deepEqual(kinds(), []);
    await clock.advance(1);
    assert.deepEqual(kinds(), ['model']);
    show({ state: 'broken', metrics: { total: 3 } });
    show({ state: 'crashLoop', metrics: { total: 3 } });
    assert.deepEqual(kinds(), ['model', 'model']);
    show({ state: 'crashLoop', metrics: { total: 3 } });
    await clock.advance(1_000);
    assert.deepEqual(kinds(), []);
  });

  it('R12.3 tells everything once, and then only the cards that changed', async () => {
    const { clock, feed, show, posted } = given();
    feed.setVisible(true);
    await clock.advance(1_000);
    show({ state: 'broken' });
    feed.postAll();
    const models = posted.flatMap((message) => (message.kind === 'model' ? [message] : []));
    assert.deepEqual(
      models.map(({ isDelta, model }) => [isDelta, model.names, model.cards.length]),
      [
        [false, ['a'], 1],
        [true, ['a'], 1],
        [false, ['a'], 1],
      ],
    );
    feed.dispose();
  });

  it('R12.3 says when all is told, for each time shown, and once that the engine does not tell it', async () => {
    const { clock, feed, state, posted } = given();
    const told = () =>
      posted
        .splice(0)
        .flatMap((message) =>
          message.kind === 'told' ? [[message.part, message.range, message.isWhole]] : [],
        )
        .sort();
    state.isSilent = true;
    feed.setVisible(true);
    await clock.advance(20_000);
    assert.deepEqual(told(), [
      ['events', '5m', false],
      ['history', '5m', false],
    ]);
    state.isSilent = false;
    state.hasEvents = true;
    await clock.advance(10_000);
    assert.deepEqual(told(), [
      ['events', '5m', true],
      ['history', '5m', true],
    ]);
    feed.setRange('7d');
    await clock.advance(10_000);
    assert.deepEqual(told(), [['history', '7d', true]]);
    feed.dispose();
  });

  it('asks for the history every 5 s while it is seen, and once for each time it is shown', async () => {
    const { clock, feed, kinds, state } = given();
    feed.setVisible(true);
    feed.postAll();
    await clock.advance(20_000);
    assert.equal(kinds().filter((kind) => kind === 'history').length, 5);
    assert.equal(state.asked, 6);
    feed.dispose();
    await clock.advance(60_000);
    assert.deepEqual([state.asked, clock.pending], [6, 0]);
  });
});

describe('dashboard page', () => {
  const html = pageHtml({
    nonce: 'n0nce',
    script: 'https://x/webview.js',
    style: 'https://x/webview.css',
    language: '"><script>',
    title: 'T',
    words: { ...pageWords(untranslated), servers: `"<img src=x>'&` },
  });

  it('R12.3 runs and loads nothing but what carries its nonce', () => {
    const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html)?.[1];
    assert.equal(policy, "default-src 'none'; style-src 'nonce-n0nce'; script-src 'nonce-n0nce'");
    assert.equal((html.match(/<script/g) ?? []).length, 1);
    assert.doesNotMatch(html, /style=|onclick|unsafe/);
  });

  it('lets no word become markup', () => {
    assert.doesNotMatch(html, /<img|"><script>/);
  });
});
