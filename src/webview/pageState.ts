import { historyRanges, type HistoryRange } from '../shared/protocol/dashboardData.ts';

/** Of what is kept; whatever has another one was kept by another version, and is not used. */
export const STATE_VERSION = 1;

/** Event rows that are shown at first, and added each time that a person asks for more. */
export const ROWS = 100;
/** Rows that come back with the page: those beyond are asked for again. */
const MAX_ROWS = 1_000;
const MAX_TEXT = 256;
/** Cards that come back opened. */
const MAX_OPEN = 200;
/** Pixels: no page is longer. */
const MAX_OFFSET = 10_000_000;

/** What a person was looking at. */
export interface Place {
  /** Of the card of this server; empty: of the page as a whole. */
  readonly server: string;
  /** Of the event log. */
  readonly isEvents: boolean;
  /** Pixels from the beginning of that to the top of what is seen. */
  readonly offset: number;
}

/** What a person arranged; it outlives the page. Of the servers there are only names in it. */
export interface PageState {
  readonly range: HistoryRange;
  /** Of the event log; empty: all. */
  readonly server: string;
  readonly kind: string;
  readonly text: string;
  /** Events that may be shown. */
  readonly rows: number;
  /** Servers whose figures are shown as a table. */
  readonly open: readonly string[];
  readonly place: Place;
}

const initial: PageState = {
  range: '5m',
  server: '',
  kind: '',
  text: '',
  rows: ROWS,
  open: [],
  place: { server: '', isEvents: false, offset: 0 },
};

/** What is kept of a state. */
export function keptState(state: PageState): object {
  const rows = Math.min(state.rows, MAX_ROWS);
  return { version: STATE_VERSION, ...state, rows, open: state.open.slice(-MAX_OPEN) };
}

/** What was kept, as far as it can be used: it may have been kept by an earlier version, or by nobody. */
export function parsePageState(value: unknown): PageState {
  const kept = members(value);
  if (kept['version'] !== STATE_VERSION) return initial;
  const place = members(kept['place']);
  return {
    range: historyRanges.find((candidate) => candidate === kept['range']) ?? initial.range,
    server: textOf(kept['server']),
    kind: textOf(kept['kind']),
    text: textOf(kept['text']),
    rows: wholeOf(kept['rows'], ROWS, MAX_ROWS),
    open: listOf(kept['open']),
    place: {
      server: textOf(place['server']),
      isEvents: place['isEvents'] === true,
      offset: wholeOf(place['offset'], 0, MAX_OFFSET),
    },
  };
}

function members(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

function textOf(value: unknown): string {
  return typeof value === 'string' && value.length <= MAX_TEXT ? value : '';
}

/** `least` for whatever is none, or out of its limits. */
function wholeOf(value: unknown, least: number, most: number): number {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most
    ? (value as number)
    : least;
}

function listOf(value: unknown): string[] {
  if (!Array.isArray(value) || value.length > MAX_OPEN) return [];
  return [...new Set(value.map(textOf))].filter((name) => name !== '');
}
