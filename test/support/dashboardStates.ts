import type { HealthView } from '../../src/extension/health/healthView.ts';
import type { Translate } from '../../src/extension/translate.ts';
import { buildDashboard } from '../../src/extension/webview/dashboardModel.ts';
import type { Recovery } from '../../src/extension/webview/recoveries.ts';
import { buildWatched } from '../../src/extension/webview/watchedModel.ts';
import type { HostMessage, ToldPart } from '../../src/shared/protocol/dashboardData.ts';
import {
  dashboardNow as now,
  eventMessages,
  historyMessagesOf,
  modelMessage,
  serverNames,
  shapes,
} from './dashboardData.ts';
import { serverSnapshot, viewOf } from './healthBuilders.ts';

/** What the page can look like, each as the messages that lead to it from the one before: for tests of how it looks, and of what it tells a screen reader. */

const told = (part: ToldPart, isWhole = true): HostMessage => ({ kind: 'told', part, range: '5m', isWhole });

const watched = {
  name: 'queue',
  state: 'above',
  value: 12,
  max: 10,
  everyMs: 5_000,
  taken: 9,
  missing: 0,
} as const;

/** Everything that a card and the overview can show, at once. */
function crowded(): HealthView {
  const span = { wantedMs: 1, longCalls: 0, reconnects: 0, calls: 4, missed: [] };
  const lastError = {
    code: 'exited' as const,
    message: 'Ended with code 1: Error: listen EADDRINUSE: address already in use 127.0.0.1:8931',
    at: now - 65_000,
  };
  return viewOf(
    [
      serverSnapshot('filesystem', {
        latency: { p50Ms: 12, p95Ms: 40, p99Ms: 41, lastMs: 12, samples: 5 },
        metrics: {
          total: 1_234,
          failed: 2,
          cacheHits: 3,
          tokensSaved: 900,
          uptime: { ratio: 0.998, downMs: 4_000, usableMs: 1_996_000 },
        },
        rate: { current: 20, max: 20, queued: 2, rejected: 1 },
        pool: { available: 0, max: 10, queued: 3 },
        watched: [watched],
      }),
      serverSnapshot('a-server-with-a-very-long-name-that-nobody-can-read-at-a-glance', {
        state: 'crashLoop',
        nextAttemptAt: now + 42_000,
        diagnosis: {
          cause: 'portInUse',
          sentence: 'Port 8931 is taken.',
          advice: 'Free it.',
          holder: { pid: 7, program: 'node', isStale: true },
        },
        lastError,
        metrics: { total: 9, failed: 9, restarts: 4 },
      }),
      serverSnapshot('database', {
        breaker: { state: 'open', failures: 5, retryAt: now + 12_000 },
        metrics: { total: 9, failed: 9 },
      }),
      serverSnapshot('search', {
        degraded: { reason: 'fewerTools', sentence: 'It offers fewer tools.', missing: ['find'] },
      }),
      serverSnapshot('browser', { busySince: now - 75_000 }),
      serverSnapshot('memory', { state: 'isolated', breaker: { state: 'isolated', failures: 0 } }),
    ],
    {
      problems: [
        { path: 'mcpLifeline.servers.x', message: 'is not a server' },
      ] as unknown as HealthView['problems'],
      alerts: [
        {
          rule: 'breakerOpen',
          server: 'database',
          severity: 'warning',
          sentence: '',
          since: now - 300_000,
          count: 4,
          isFlapping: true,
        },
        {
          rule: 'crashLoop',
          server: 'a-server-with-a-very-long-name-that-nobody-can-read-at-a-glance',
          severity: 'error',
          sentence: '',
          since: now - 60_000,
          count: 1,
          isFlapping: false,
        },
      ],
      continuity: {
        windowMs: 3_600_000,
        life: { ...span, phi: 1, psi: 1, sigma: 0.97, deltaMs: 3.26 },
        recent: { ...span, phi: 0.93999, psi: 1, deltaMs: 612, missed: ['phi', 'deltaMs'] },
      },
    },
  );
}

export function dashboardStates(t: Translate): Readonly<Record<string, readonly HostMessage[]>> {
  const model = (view: HealthView, recovery?: Recovery): HostMessage => ({
    kind: 'model',
    isDelta: false,
    model: buildDashboard(
      {
        view,
        now,
        recoveryOf: (name) => (name === 'database' ? recovery : undefined),
        restartedAt: () => undefined,
      },
      t,
    ),
  });
  const few = viewOf([serverSnapshot('filesystem'), serverSnapshot('memory', { state: 'idle' })]);
  const unknown = {
    ...few,
    servers: few.servers.map(({ name }) => ({ name, health: 'unknown' as const, snapshot: undefined })),
  };
  const view = crowded();
  const names = view.servers.map(({ name }) => name);
  const many = serverNames(50);
  const [first] = view.servers;
  const entries = Array.from({ length: 40 }, (_, index) => {
    const at = now - index * 5_000;
    return { kind: 'value' as const, due: at, at, value: 4 + (index % 9) };
  }).reverse();
  const history = { now, watches: [{ name: 'queue', everyMs: 5_000, entries }] };
  const full: readonly HostMessage[] = [
    model(view, { kind: 'running', mode: 'recover' }),
    ...historyMessagesOf(names, shapes['5m']),
    { kind: 'watched', watched: buildWatched(first!.snapshot!, history, 300_000, t) },
    ...eventMessages(names, 0, 300),
    told('history'),
    told('events'),
  ];
  return {
    'nothing told yet': [],
    'history on its way': [model(few)],
    'engine starting': [model({ ...unknown, engine: { kind: 'starting' } })],
    'engine down': [
      model({
        ...unknown,
        engine: {
          kind: 'recovering',
          reason: 'it was lost',
          failedTries: 2,
          retryAt: now + 9_000,
        },
      }),
      told('history', false),
      told('events', false),
    ],
    'engine stopped': [model({ ...unknown, engine: { kind: 'stopped' } })],
    'no servers': [model(viewOf([])), told('history'), told('events')],
    'restricted mode': [model(viewOf([], { trusted: false }))],
    'no calls yet': [model(few), ...historyMessagesOf([], shapes['5m']), told('history'), told('events')],
    everything: full,
    'not recovered': [
      ...full.slice(1),
      model(view, { kind: 'failed', message: 'It ended with code 1.', durationMs: 9 }),
    ],
    'many servers': [
      modelMessage(many, 0, t),
      ...historyMessagesOf(many, shapes['5m']),
      ...eventMessages(many, 0, 10_000),
      told('history'),
      told('events'),
    ],
  };
}
