import {
  messageLimits,
  type DashboardHistory,
  type HistoryPoint,
  type HistoryRange,
  type ServerHistory,
} from '../../shared/protocol/dashboardData.ts';
import {
  joinHistory,
  type History,
  type HistoryParams,
  type HistorySample,
} from '../../shared/protocol/historyMessages.ts';
import { counted, duration, span } from '../figures.ts';
import type { Translate } from '../translate.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** What is asked for each range: a graph has a few hundred points at most. */
export const rangeParams: Readonly<Record<HistoryRange, HistoryParams & { readonly rangeMs: number }>> = {
  '5m': { resolution: '5s', rangeMs: 5 * MINUTE_MS },
  '1h': { resolution: '1m', rangeMs: HOUR_MS },
  '24h': { resolution: '15m', rangeMs: DAY_MS },
  '7d': { resolution: '15m', rangeMs: 7 * DAY_MS },
};

export function rangeWords(range: HistoryRange, t: Translate): string {
  switch (range) {
    case '5m':
      return t('5 minutes');
    case '1h':
      return t('1 hour');
    case '24h':
      return t('24 hours');
    case '7d':
      return t('7 days');
  }
}

/** What one page knows of the history: everything once, then what is new. */
export class HistoryTail {
  readonly #ask: (params: HistoryParams) => Promise<History | undefined>;
  readonly #t: Translate;
  #range: HistoryRange = '5m';
  #known: History | undefined;
  /** An answer to a question that is not asked any more is dropped. */
  #turn = 0;

  constructor(ask: (params: HistoryParams) => Promise<History | undefined>, t: Translate) {
    this.#ask = ask;
    this.#t = t;
  }

  get range(): HistoryRange {
    return this.#range;
  }

  /** The page is new, or shows another range: it has nothing. */
  restart(range: HistoryRange = this.#range): void {
    this.#range = range;
    this.#known = undefined;
    this.#turn += 1;
  }

  /** What the page has to be told now; nothing when the engine does not tell. */
  async next(): Promise<DashboardHistory[]> {
    const turn = this.#turn;
    const range = this.#range;
    const cursor = this.#known?.cursor;
    const answer = await this.#ask({
      ...rangeParams[range],
      ...(cursor === undefined ? {} : { since: cursor }),
    });
    if (answer === undefined || turn !== this.#turn) return [];
    const isDelta = answer.isDelta === true && this.#known !== undefined;
    const known = this.#known === undefined ? answer : joinHistory(this.#known, answer);
    this.#known = known;
    return historyMessages(answer, known, { range, isDelta }, this.#t);
  }
}

/** In several messages, so that none keeps the page busy for longer than a frame. */
export function historyMessages(
  answer: History,
  known: History,
  { range, isDelta }: { readonly range: HistoryRange; readonly isDelta: boolean },
  t: Translate,
): DashboardHistory[] {
  const { now, intervalMs } = answer;
  // An engine of an earlier version tells five minutes, whatever it is asked for.
  const { windowMs } = answer;
  const whole = new Map(known.servers.map(({ id, samples }) => [id, samples] as const));
  const servers = answer.servers.map(({ id, samples }): ServerHistory => ({
    name: id,
    points: samples.map((sample) => pointOf(sample, intervalMs)),
    summary: summaryOf(whole.get(id) ?? samples, { range, intervalMs }, t),
  }));
  const messages: DashboardHistory[] = [];
  for (let from = 0; from === 0 || from < servers.length; from += messageLimits.historyServers) {
    const part = servers.slice(from, from + messageLimits.historyServers);
    messages.push({ range, now, windowMs, intervalMs, isDelta: isDelta || from > 0, servers: part });
  }
  return messages;
}

function summaryOf(
  samples: readonly HistorySample[],
  { range, intervalMs }: { readonly range: HistoryRange; readonly intervalMs: number },
  t: Translate,
): string {
  const calls = samples.reduce((sum, sample) => sum + sample.calls, 0);
  const failures = samples.reduce((sum, sample) => sum + sample.failures, 0);
  const parts = [
    counted(
      t,
      calls,
      'The last {1}: one call, {2} failed.',
      'The last {1}: {0} calls, {2} failed.',
      rangeWords(range, t),
      failures,
    ),
  ];
  const latencies = samples.flatMap(({ latency }) => (latency === undefined ? [] : [latency]));
  if (latencies.length > 0) {
    const low = latencies.reduce((least, { p50Ms }) => Math.min(least, p50Ms), Infinity);
    const high = latencies.reduce((most, { p50Ms }) => Math.max(most, p50Ms), 0);
    const top = latencies.reduce((most, { p95Ms }) => Math.max(most, p95Ms), 0);
    parts.push(
      t('p50 from {0} to {1}, p95 up to {2}.', duration(low, t), duration(high, t), duration(top, t)),
    );
  }
  const downMs = samples.reduce((sum, sample) => sum + downOf(sample) * (sample.ms ?? intervalMs), 0);
  if (downMs > 0) parts.push(t('It was down for {0}.', span(downMs, t)));
  const opened = samples.filter(({ breaker }) => breaker === 'open').length;
  if (opened > 0) parts.push(t('The breaker held calls back.'));
  return parts.join(' ');
}

function pointOf(sample: HistorySample, intervalMs: number): HistoryPoint {
  const { latency } = sample;
  return {
    at: sample.at,
    ms: sample.ms ?? intervalMs,
    ...(latency === undefined ? {} : { p50Ms: latency.p50Ms, p95Ms: latency.p95Ms }),
    calls: sample.calls,
    failures: sample.failures,
    usable: sample.usable ?? (isUsable(sample) ? 1 : 0),
    down: downOf(sample),
    breaker: sample.breaker ?? 'closed',
  };
}

const downStates: readonly HistorySample['state'][] = ['broken', 'recovering', 'crashLoop', 'needsSignIn'];

/** An engine of an earlier version tells the state alone. What is being started for the first time, or nobody asked for, is not down. */
function downOf({ state, down, usable }: HistorySample): number {
  return down ?? (usable === undefined && downStates.includes(state) ? 1 : 0);
}

function isUsable({ state, down }: HistorySample): boolean {
  return down === undefined && (state === 'ready' || state === 'suspect');
}
