import type { ServerSnapshot, Snapshot } from '../../shared/model/snapshot.ts';
import { durationText, latencyText } from './durationText.ts';
import { adviceOf } from './statusConditions.ts';
import { statusSections, type StatusLine } from './statusSections.ts';
import { serverInTerminal, snapshotInTerminal } from './terminalWords.ts';
import {
  alignedRows,
  coloured,
  fittedTable,
  printable,
  shortened,
  wrapped,
  type Cell,
  type Colour,
  type Column,
} from './table.ts';

/** Into a file or a pipe nothing is left out, and this much of an error is said. */
const MAX_ERROR = 100;
const NO_LIMIT = Number.MAX_SAFE_INTEGER;

export interface StatusView {
  /** Wall-clock milliseconds. */
  readonly now: number;
  readonly isColoured: boolean;
  /** Columns of the terminal; absent where there is none. */
  readonly width?: number | undefined;
}

/** A server that does not do what it should; one that nobody uses, that is just starting, or at work on a call, does. */
export function isUnhealthy(server: ServerSnapshot): boolean {
  if (server.breaker.state !== 'closed' || server.degraded !== undefined) return true;
  return ['suspect', 'broken', 'recovering', 'crashLoop', 'needsSignIn', 'isolated'].includes(server.state);
}

/** The snapshot as a table for people, with lines below for what does not fit into it. */
export function statusText(given: Snapshot, view: StatusView): string {
  const snapshot = snapshotInTerminal(given);
  const { engine, servers, problems } = snapshot;
  const { now, width = NO_LIMIT, isColoured } = view;
  const below = [
    ...servers.flatMap((server) =>
      linesOf(server, now).map(({ text, colour }) => ({ text: `${server.id}: ${text}`, colour })),
    ),
    ...statusSections.flatMap(({ ofAll }) => ofAll?.(snapshot, now) ?? []),
    ...(problems.length === 0 ? [] : [{ text: 'Problems in the settings:', colour: 'yellow' as const }]),
    ...problems.map(({ path, message }) => ({ text: `${path}: ${message}` })),
  ];
  const unwell = servers.filter(isUnhealthy).length;
  const verdict = servers.length === 0 || unwell === 0 ? '' : `, ${unwell} of ${servers.length} not well`;
  const head = `engine ${engine.version}, pid ${engine.pid}, up ${durationText(now - engine.startedAt)}${verdict}`;
  return [
    ...printed([{ text: head }], view),
    ...(servers.length === 0
      ? ['There are no servers.']
      : fittedTable(columns(now), servers, { width, isColoured })),
    ...printed(below, view),
  ].join('\n');
}

function linesOf(server: ServerSnapshot, now: number): readonly StatusLine[] {
  return statusSections.flatMap(({ ofServer }) => ofServer?.(server, now) ?? []);
}

/** Lines as they go out: printable, wrapped, coloured. */
function printed(
  lines: readonly { readonly text: string; readonly colour?: Colour | undefined }[],
  { width = NO_LIMIT, isColoured }: StatusView,
): string[] {
  return lines.flatMap(({ text, colour }) =>
    wrapped(printable(text), width).map((line) => coloured(line, colour, isColoured)),
  );
}

function columns(now: number): Column<ServerSnapshot>[] {
  const number = { isNumber: true } as const;
  return [
    { title: 'SERVER', importance: 100, minWidth: 8, cell: ({ id }) => printable(id) },
    { title: 'STATE', importance: 99, minWidth: 10, cell: (server) => stateCell(server, now) },
    { title: 'BREAKER', importance: 80, cell: ({ breaker }) => breakerCell(breaker, now) },
    { title: 'CALLS', importance: 70, ...number, cell: ({ metrics }) => String(metrics.total) },
    { title: 'FAILED', importance: 85, ...number, cell: ({ metrics }) => countCell(metrics.failed) },
    { title: 'RETRIES', importance: 40, ...number, cell: ({ metrics }) => String(metrics.retries) },
    { title: 'RESTARTS', importance: 45, ...number, cell: ({ metrics }) => String(metrics.restarts) },
    { title: 'P50', importance: 60, ...number, cell: ({ latency }) => ms(latency?.p50Ms) },
    { title: 'P95', importance: 55, ...number, cell: ({ latency }) => ms(latency?.p95Ms) },
    { title: 'QUEUE', importance: 30, ...number, cell: (server) => String(queued(server)) },
    { title: 'FOR', importance: 50, ...number, cell: ({ since }) => durationText(now - since) },
    { title: 'LAST ERROR', importance: 75, minWidth: 16, cell: (server) => errorCell(server, now) },
  ];
}

const ms = (value: number | undefined): string => (value === undefined ? '-' : latencyText(value));
const countCell = (count: number): Cell => ({
  text: String(count),
  ...(count > 0 ? { colour: 'yellow' } : {}),
});

/** Calls that were taken and are not with the server yet. */
function queued({ metrics, pool }: ServerSnapshot): number {
  return Math.max(metrics.waiting, pool.queued ?? 0);
}

function stateCell(server: ServerSnapshot, now: number): Cell {
  return { text: stateText(server, now), colour: colourOf(server) };
}

function stateText({ state, busySince, degraded, nextAttemptAt }: ServerSnapshot, now: number): string {
  if (nextAttemptAt !== undefined && nextAttemptAt > now)
    return `${state}, next try in ${durationText(nextAttemptAt - now)}`;
  if (state !== 'ready') return state;
  if (degraded !== undefined) return 'ready, degraded';
  return busySince === undefined ? state : `ready, busy for ${durationText(now - busySince)}`;
}

function breakerCell({ state, retryAt }: ServerSnapshot['breaker'], now: number): Cell {
  if (state === 'closed') return { text: state };
  const next = state === 'open' && retryAt !== undefined ? `, try in ${durationText(retryAt - now)}` : '';
  return { text: state + next, colour: 'red' };
}

function errorCell({ lastError }: ServerSnapshot, now: number): Cell {
  if (lastError === undefined) return { text: '-' };
  const { code, at, message } = lastError;
  const text = `${code} ${durationText(now - at)} ago: ${printable(message)}`;
  return { text: shortened(text, MAX_ERROR) };
}

function colourOf(server: ServerSnapshot): Colour {
  if (server.degraded !== undefined && server.breaker.state === 'closed' && server.state === 'ready')
    return 'yellow';
  if (isUnhealthy(server)) return 'red';
  return server.state === 'ready' ? 'green' : 'yellow';
}

/** One server in detail. */
export function serverText({ engine }: Snapshot, given: ServerSnapshot, view: StatusView): string {
  const server = serverInTerminal(given);
  const { now, width = NO_LIMIT, isColoured } = view;
  const rows = details(server, now).map(([name, text, colour]) => [
    { text: name, colour: 'dim' as const },
    { text: printable(text), colour },
  ]);
  const widest = Math.max(...rows.map(([name]) => name?.text.length ?? 0));
  const indent = ' '.repeat(widest + 2);
  const room = Math.max(20, width - indent.length);
  const shown = rows.flatMap(([name, value]) =>
    wrapped(value?.text ?? '', room, '').map((line, index) => [
      index === 0 && name !== undefined ? name : { text: ''.padEnd(widest) },
      { text: line, colour: value?.colour },
    ]),
  );
  const head = `${server.id} (engine ${engine.version}, pid ${engine.pid})`;
  return [
    ...printed([{ text: head, colour: 'bold' }], view),
    alignedRows(shown, isColoured),
    ...printed(linesOf(server, now), view),
  ].join('\n');
}

type Detail = readonly [name: string, text: string, colour?: Colour];

function details(server: ServerSnapshot, now: number): Detail[] {
  const { metrics, pool, latency, lastError, breaker, catalogue, pids } = server;
  const rows: Detail[] = [
    ['State', `${stateText(server, now)}, for ${durationText(now - server.since)}`, colourOf(server)],
    ['', server.sentence],
    ['Breaker', `${breakerCell(breaker, now).text}, ${plural(breaker.failures, 'failure')} counted`],
    [
      'Calls',
      `${metrics.total}: ${metrics.successful} successful, ${metrics.failed} failed (${metrics.brokenPipe} broken pipe, ${metrics.timeouts} timed out, ${metrics.outcomeUnknown} of unknown outcome)`,
    ],
    [
      'Now',
      `${metrics.inFlight} running, ${queued(server)} waiting, ${pool.available} of ${pool.max} places free`,
    ],
    [
      'Retries',
      `${metrics.retries}; restarts: ${metrics.restarts}; breaker opened: ${plural(metrics.breakerOpens, 'time')}`,
    ],
  ];
  if (latency !== undefined)
    rows.push([
      'Latency',
      `p50 ${ms(latency.p50Ms)}, p95 ${ms(latency.p95Ms)}, p99 ${ms(latency.p99Ms)}, last ${ms(latency.lastMs)} (${plural(latency.samples, 'call')})`,
    ]);
  rows.push(['Clients', `${server.sessions}${pids.length === 0 ? '' : `; pid ${pids.join(', ')}`}`]);
  if (catalogue !== undefined)
    rows.push([
      'Offers',
      `${plural(catalogue.tools, 'tool')}${catalogue.serverTitle === undefined ? '' : ` (${catalogue.serverTitle})`}`,
    ]);
  if (lastError !== undefined) {
    rows.push([
      'Last error',
      `${lastError.code} ${durationText(now - lastError.at)} ago: ${lastError.message}`,
    ]);
    const advice = adviceOf(server.id, lastError);
    if (advice !== '') rows.push(['What to do', advice]);
  }
  return rows;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
