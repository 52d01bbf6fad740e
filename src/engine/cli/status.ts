import { systemClock } from '../../shared/base/clock.ts';
import type { ServerSnapshot, Snapshot } from '../../shared/model/snapshot.ts';
import { getSnapshot, recover, type RecoverResult } from '../../shared/protocol/engineMessages.ts';
import { exitCodes, readArguments, UsageError } from './arguments.ts';
import { chooseEngine, engineOptions, withEngine } from './client.ts';
import { say } from './output.ts';
import { alignedRows, printable, shortened, type Cell, type Colour } from './table.ts';

const STATUS_LIMIT_MS = 10_000;
/** The engine gives its verdict after 60 s at the latest. */
const RECOVER_LIMIT_MS = 90_000;
const MAX_SENTENCE = 100;

const options = { ...engineOptions, json: { type: 'boolean' } } as const;

/** Whether colours go out: to a terminal, unless its owner wants none (no-color.org). */
function isColoured(): boolean {
  const { NO_COLOR: noColor } = process.env;
  return process.stdout.isTTY && (noColor === undefined || noColor === '');
}

/** A server that does not do what it should; one that nobody uses, that is just starting, or at work on a call, does. */
export function isUnhealthy(server: ServerSnapshot): boolean {
  if (server.breaker.state !== 'closed' || server.degraded !== undefined) return true;
  return ['suspect', 'broken', 'recovering', 'crashLoop', 'needsSignIn', 'isolated'].includes(server.state);
}

/** `status`: what the engine knows of its servers. Answers the exit code. */
export async function status(args: readonly string[]): Promise<number> {
  const { values } = readArguments(args, options);
  const snapshot = await withEngine(await chooseEngine(values), STATUS_LIMIT_MS, (ask) =>
    ask(getSnapshot, {}),
  );
  say(
    values.json === true
      ? JSON.stringify(snapshot)
      : statusText(snapshot, systemClock.wallNow(), isColoured()),
  );
  return snapshot.servers.some(isUnhealthy) ? exitCodes.unhealthy : exitCodes.well;
}

/** The snapshot as a table for people, with a line below for what does not fit into it. `now`: wall-clock milliseconds. */
export function statusText({ engine, servers, problems }: Snapshot, now: number, coloured: boolean): string {
  const head = ['SERVER', 'STATE', 'BREAKER', 'P50', 'CALLS', 'LAST ERROR'];
  const rows: Cell[][] = [
    head.map((text) => ({ text, colour: 'bold' })),
    ...servers.map((server) => [
      { text: printable(server.id) },
      { text: stateText(server, now), colour: colourOf(server) },
      {
        text: server.breaker.state,
        ...(server.breaker.state === 'closed' ? {} : { colour: 'red' as const }),
      },
      { text: server.latency === undefined ? '-' : `${server.latency.p50Ms.toFixed(1)} ms` },
      { text: String(server.metrics.total) },
      { text: shortened(printable(server.lastError?.message ?? '-'), MAX_SENTENCE) },
    ]),
  ];
  const conditions = [
    ...servers.flatMap(conditionLines),
    ...(engine.audit?.degraded === undefined ? [] : [printable(engine.audit.degraded)]),
  ];
  const notes = problems.map(({ path, message }) => `${printable(path)}: ${printable(message)}`);
  return [
    `engine ${printable(engine.version)}, pid ${engine.pid}`,
    servers.length === 0 ? 'There are no servers.' : alignedRows(rows, coloured),
    ...conditions,
    ...(notes.length === 0 ? [] : ['Problems in the settings:', ...notes.map((note) => `  ${note}`)]),
  ].join('\n');
}

function stateText({ state, busySince, degraded }: ServerSnapshot, now: number): string {
  if (state !== 'ready') return state;
  if (degraded !== undefined) return 'ready, degraded';
  return busySince === undefined
    ? state
    : `ready, busy for ${Math.max(0, Math.round((now - busySince) / 1_000))} s`;
}

/** Why it is down, what is missing, who waits, and which of its addresses is used. */
function conditionLines({ id, diagnosis, degraded, pool, rate, endpoint }: ServerSnapshot): string[] {
  const lines: string[] = [];
  if (diagnosis !== undefined) lines.push(`${diagnosis.sentence} ${diagnosis.advice}`.trim());
  if (degraded !== undefined) {
    const unsaid = degraded.missing.filter((name) => !degraded.sentence.includes(name));
    lines.push(degraded.sentence + (unsaid.length === 0 ? '' : ` Missing: ${unsaid.join(', ')}.`));
  }
  if (pool.queued !== undefined && pool.queued > 0)
    lines.push(`calls that wait for a place: ${pool.queued}, running at a time: ${pool.limit ?? pool.max}`);
  if (rate !== undefined) lines.push(rateLine(rate));
  if (endpoint !== undefined) lines.push(`address in use: ${endpoint}`);
  return lines.map((line) => `${printable(id)}: ${printable(line)}`);
}

function rateLine({ current, queued, rejected }: NonNullable<ServerSnapshot['rate']>): string {
  const waiting = queued > 0 ? `, waiting: ${queued}` : '';
  const turnedAway = rejected > 0 ? `, turned away: ${rejected}` : '';
  return `requests per second at most: ${current}${waiting}${turnedAway}`;
}

function colourOf(server: ServerSnapshot): Colour {
  if (server.degraded !== undefined && server.breaker.state === 'closed' && server.state === 'ready')
    return 'yellow';
  if (isUnhealthy(server)) return 'red';
  return server.state === 'ready' ? 'green' : 'yellow';
}

/** `recover [SERVER]`: force recovery; of all, running calls are ended only with `--yes`. Answers the exit code. */
export async function recoverServers(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, { ...options, yes: { type: 'boolean' } }, 1);
  const [server] = positionals;
  const interruptCalls = values.yes === true;
  const result = await withEngine(await chooseEngine(values), RECOVER_LIMIT_MS, async (ask) => {
    if (server !== undefined) {
      const { servers } = await ask(getSnapshot, {});
      if (!servers.some(({ id }) => id === server)) throw new UsageError(unknownServer(server, servers));
    }
    return ask(recover, {
      mode: 'recover',
      interruptCalls,
      ...(server === undefined ? {} : { server }),
    });
  });
  say(values.json === true ? JSON.stringify(result) : recoverText(result, isColoured()));
  const isIll = ({ outcome, runningCalls }: RecoverResult['results'][number]): boolean =>
    outcome === 'failed' || runningCalls !== undefined;
  return result.results.some(isIll) ? exitCodes.unhealthy : exitCodes.well;
}

function unknownServer(server: string, servers: readonly ServerSnapshot[]): string {
  const names = servers.map(({ id }) => printable(id)).join(', ');
  return `The engine has no server ${JSON.stringify(server)}. ${names === '' ? 'It has none.' : `It has: ${names}.`}`;
}

function recoverText({ results }: RecoverResult, coloured: boolean): string {
  if (results.length === 0) return 'There are no servers.';
  const colours: Record<string, Colour> = { recovered: 'green', failed: 'red', skipped: 'yellow' };
  const rows = results.map(({ server, outcome, message }) => [
    { text: printable(server) },
    { text: outcome, colour: colours[outcome] ?? 'bold' },
    { text: printable(message) },
  ]);
  const isAsked = results.some(({ runningCalls }) => runningCalls !== undefined);
  const question = isAsked ? ['Calls are running. To end them and recover all: recover --yes'] : [];
  return [alignedRows(rows, coloured), ...question].join('\n');
}
