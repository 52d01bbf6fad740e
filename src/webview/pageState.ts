import { historyRanges, type HistoryRange } from '../shared/protocol/dashboardData.ts';

/** What a person arranged; it outlives the page. Nothing of the servers is in it. */
export interface PageState {
  readonly range: HistoryRange;
  /** Of the event log; empty: all. */
  readonly server: string;
  readonly kind: string;
  readonly text: string;
}

const MAX_TEXT = 256;

/** What was kept, as far as it can be used: an earlier version may have kept something else. */
export function parsePageState(value: unknown): PageState {
  const kept =
    typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  const text = (name: string): string => {
    const found = kept[name];
    return typeof found === 'string' && found.length <= MAX_TEXT ? found : '';
  };
  const range = historyRanges.find((candidate) => candidate === kept['range']) ?? '5m';
  return { range, server: text('server'), kind: text('kind'), text: text('text') };
}
