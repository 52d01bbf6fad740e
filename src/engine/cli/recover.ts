import { getSnapshot, recover, type RecoverResult } from '../../shared/protocol/engineMessages.ts';
import { exitCodes, readArguments, UsageError } from './arguments.ts';
import { chooseEngine, engineOptions, withEngine } from './client.ts';
import { say } from './output.ts';
import { unknownServer } from './status.ts';
import { alignedRows, printable, wantsColours, type Colour } from './table.ts';

/** The engine gives its verdict after 60 s at the latest. */
const RECOVER_LIMIT_MS = 90_000;
const options = { ...engineOptions, json: { type: 'boolean' }, yes: { type: 'boolean' } } as const;

/** `recover [SERVER]`: force recovery; of all, running calls are ended only with `--yes`. Answers the exit code. */
export async function recoverServers(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, options, 1);
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
  say(values.json === true ? JSON.stringify(result) : recoverText(result, wantsColours(process.stdout)));
  const isIll = ({ outcome, runningCalls }: RecoverResult['results'][number]): boolean =>
    outcome === 'failed' || runningCalls !== undefined;
  return result.results.some(isIll) ? exitCodes.unhealthy : exitCodes.well;
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
