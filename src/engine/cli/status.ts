import { systemClock } from '../../shared/base/clock.ts';
import type { ServerSnapshot, Snapshot } from '../../shared/model/snapshot.ts';
import { getSnapshot } from '../../shared/protocol/engineMessages.ts';
import { exitCodes, readArguments, UsageError } from './arguments.ts';
import { chooseEngine, engineOptions, withEngine, type EngineChoice } from './client.ts';
import { say } from './output.ts';
import { isUnhealthy, serverText, statusText, type StatusView } from './statusText.ts';
import { printable, wantsColours } from './table.ts';

const STATUS_LIMIT_MS = 10_000;
const DEFAULT_WATCH_SECONDS = 2;
const MAX_WATCH_SECONDS = 3_600;
const MIN_WATCH_SECONDS = 0.2;

/** `status [SERVER]`: what the engine knows of its servers. Answers the exit code. */
export async function status(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(
    withWatchValue(args),
    { ...engineOptions, json: { type: 'boolean' }, watch: { type: 'string' } } as const,
    1,
  );
  const [server] = positionals;
  const asJson = values.json === true;
  const intervalMs = values.watch === undefined ? undefined : readInterval(values.watch);
  const engine = await chooseEngine(values);
  const first = await readStatus(engine, server);
  const text = (snapshot: Snapshot, view: StatusView): string => statusOf(snapshot, { server, asJson, view });
  if (intervalMs !== undefined) {
    const { watchStatus } = await import('./watchStatus.ts');
    // The one that was found: after a restart it is behind the same file.
    const again: EngineChoice =
      values.endpoint === undefined ? { window: engine.window } : { endpoint: values.endpoint };
    await watchStatus({
      clock: systemClock,
      output: process.stdout,
      intervalMs,
      asJson,
      first,
      read: async () => readStatus(await chooseEngine(again)),
      text,
      note: (why) => process.stderr.write(`mcp-lifeline: ${why}\n`),
    });
    // An answer that is still awaited is of no use any more.
    process.exit(exitCodes.well);
  }
  const { isTTY, columns } = process.stdout;
  // 0: a terminal that nobody has told its size (a container, `script`).
  const width = isTTY && columns > 0 ? columns : undefined;
  say(text(first, { now: systemClock.wallNow(), isColoured: wantsColours(process.stdout), width }));
  return chosen(first, server).some(isUnhealthy) ? exitCodes.unhealthy : exitCodes.well;
}

/** The snapshot of an engine; a server that is named has to be in it. */
async function readStatus(
  engine: Awaited<ReturnType<typeof chooseEngine>>,
  server?: string,
): Promise<Snapshot> {
  const snapshot = await withEngine(engine, STATUS_LIMIT_MS, (ask) => ask(getSnapshot, {}));
  if (server !== undefined && chosen(snapshot, server).length === 0)
    throw new UsageError(unknownServer(server, snapshot.servers));
  return snapshot;
}

function chosen({ servers }: Snapshot, server: string | undefined): readonly ServerSnapshot[] {
  return server === undefined ? servers : servers.filter(({ id }) => id === server);
}

function statusOf(
  snapshot: Snapshot,
  { server, asJson, view }: { server: string | undefined; asJson: boolean; view: StatusView },
): string {
  const servers = chosen(snapshot, server);
  if (asJson) return JSON.stringify(server === undefined ? snapshot : { ...snapshot, servers });
  const [one] = servers;
  if (server === undefined) return statusText(snapshot, view);
  return one === undefined ? unknownServer(server, snapshot.servers) : serverText(snapshot, one, view);
}

export function unknownServer(server: string, servers: readonly ServerSnapshot[]): string {
  const names = servers.map(({ id }) => printable(id)).join(', ');
  return `The engine has no server ${JSON.stringify(server)}. ${names === '' ? 'It has none.' : `It has: ${names}.`}`;
}

/** `--watch` may go without its seconds, which `parseArgs` knows nothing of: what follows it is taken for them if it is a number. */
function withWatchValue(args: readonly string[]): string[] {
  return args.flatMap((arg, index) => {
    if (arg === '--watch') return isNumber(args[index + 1]) ? [] : [`--watch=${DEFAULT_WATCH_SECONDS}`];
    return args[index - 1] === '--watch' && isNumber(arg) ? [`--watch=${arg}`] : [arg];
  });
}

function isNumber(text: string | undefined): boolean {
  return text !== undefined && /^\d+(?:\.\d+)?$/.test(text);
}

function readInterval(written: string): number {
  const seconds = isNumber(written) ? Number(written) : NaN;
  if (seconds >= MIN_WATCH_SECONDS && seconds <= MAX_WATCH_SECONDS) return seconds * 1_000;
  throw new UsageError(
    `--watch takes a number of seconds from ${MIN_WATCH_SECONDS} to ${MAX_WATCH_SECONDS}.`,
  );
}
