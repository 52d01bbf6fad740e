import { buildDashboard } from '../../src/extension/webview/dashboardModel.ts';
import { untranslated, type Translate } from '../../src/extension/translate.ts';
import type {
  DashboardEvent,
  HistoryPoint,
  HistoryRange,
  HostMessage,
} from '../../src/shared/protocol/dashboardData.ts';
import { messageLimits } from '../../src/shared/protocol/dashboardData.ts';
import { eventKinds } from '../../src/shared/protocol/eventMessages.ts';
import { serverSnapshot, viewOf } from './healthBuilders.ts';

/** Messages as the host makes them, for many servers: for tests and benches of the page alone. */

export const dashboardNow = 1_700_000_000_000;

const WEEK = { range: '7d', intervalMs: 900_000, points: 672 } as const;

export interface Shape {
  readonly range: HistoryRange;
  readonly intervalMs: number;
  readonly points: number;
}
export const shapes: Readonly<Record<'5m' | '7d', Shape>> = {
  '5m': { range: '5m', intervalMs: 5_000, points: 60 },
  '7d': WEEK,
};

export const serverNames = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `server-${index}`);

/** All servers at first, then those that changed: with each step others are down, and all have more calls. */
export function modelMessage(
  names: readonly string[],
  step = 0,
  t: Translate = untranslated,
): HostMessage & { readonly kind: 'model' } {
  const servers = names.map((name, index) =>
    serverSnapshot(name, {
      ...((index + step) % 9 === 0
        ? {
            state: 'recovering',
            nextAttemptAt: dashboardNow + step + 5_000,
            lastError: { code: 'exited', message: 'Ended with code 1.', at: dashboardNow - 1_000 },
          }
        : {}),
      latency: { p50Ms: 10 + index, p95Ms: 40 + index, p99Ms: 50, lastMs: 1, samples: 9 },
      metrics: { total: 100 * step + index },
    }),
  );
  const nothing = () => undefined;
  const parts = {
    view: viewOf(servers),
    now: dashboardNow + step,
    recoveryOf: nothing,
    restartedAt: nothing,
  };
  return { kind: 'model', isDelta: step > 0, model: buildDashboard(parts, t) };
}

/** In as many messages as the host needs; after the first step only the last bucket. */
export function historyMessagesOf(
  names: readonly string[],
  { range, intervalMs, points }: Shape = WEEK,
  step = 0,
): HostMessage[] {
  const point = (index: number): HistoryPoint => ({
    at: dashboardNow - (points - index - 1) * intervalMs,
    ms: intervalMs,
    p50Ms: 10 + (index % 17),
    p95Ms: 40 + ((index * 7) % 61),
    failures: index % 41 === 0 ? 1 : 0,
    usable: index % 29 === 0 ? 0.5 : 1,
    down: index % 29 === 0 ? 0.5 : 0,
    breaker: index % 97 === 0 ? 'open' : 'closed',
  });
  const told = step === 0 ? Array.from({ length: points }, (_, index) => point(index)) : [point(points - 1)];
  const messages: HostMessage[] = [];
  for (let from = 0; from < names.length; from += messageLimits.historyServers) {
    const servers = names
      .slice(from, from + messageLimits.historyServers)
      .map((name) => ({ name, points: told, summary: 'The last time: 7 calls, none failed.' }));
    const base = { range, now: dashboardNow, windowMs: points * intervalMs, intervalMs };
    messages.push({ kind: 'history', history: { ...base, isDelta: step > 0 || from > 0, servers } });
  }
  return messages;
}

export function eventMessages(names: readonly string[], from: number, count: number): HostMessage[] {
  const messages: HostMessage[] = [];
  for (let start = from; start < from + count; start += messageLimits.events) {
    const size = Math.min(messageLimits.events, from + count - start);
    const events = Array.from({ length: size }, (_, index): DashboardEvent => {
      const id = start + index;
      const kind = eventKinds[id % eventKinds.length]!;
      const server = names[id % names.length]!;
      return { id, at: dashboardNow - 20_000 + id, kind, server, tone: 'error', text: `echo failed: ${id}` };
    });
    messages.push({ kind: 'events', events: { isDelta: start > 0, events } });
  }
  return messages;
}
