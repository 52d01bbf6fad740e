import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { systemClock } from '../shared/base/clock.ts';
import { liveEndpoints } from '../endpoint/liveEndpoints.ts';
import { isWindowId, lifelineHome } from '../endpoint/location.ts';
import { Bridge } from './bridge.ts';
import { EngineFinder } from './engineFinder.ts';
import { readCatalogue } from './ownAnswers.ts';

/**
 * The program that VS Code, or any stdio MCP client, starts for one server: `--server NAME` and `--window ID`
 * (in the editor), or `--endpoint FILE`, or neither when only one engine is live. Exit codes: 0 the client left,
 * 2 wrong usage.
 */

const USAGE = 'usage: bridge --server NAME [--window ID | --endpoint FILE]';

interface Arguments {
  readonly server: string;
  readonly window: string | undefined;
  readonly endpoint: string | undefined;
}

function readArguments(): Arguments | string {
  try {
    const { values } = parseArgs({
      options: { server: { type: 'string' }, window: { type: 'string' }, endpoint: { type: 'string' } },
      allowPositionals: true,
    });
    if (values.server === undefined || values.server === '') return USAGE;
    if (values.window !== undefined && !isWindowId(values.window))
      return `${values.window} is not a window id\n${USAGE}`;
    return { server: values.server, window: values.window, endpoint: values.endpoint };
  } catch (error) {
    return `${error instanceof Error ? error.message : String(error)}\n${USAGE}`;
  }
}

function say(text: string): void {
  process.stderr.write(`[mcp-lifeline bridge] ${text}\n`);
}

/** The window or file to look in; tells what there is when that is not clear. */
function chooseEngine(home: string, args: Arguments): EngineFinder | undefined {
  if (args.endpoint !== undefined) return new EngineFinder(home, { endpoint: args.endpoint });
  if (args.window !== undefined) return new EngineFinder(home, { window: args.window });
  const live = liveEndpoints(home);
  if (live.length === 1 && live[0] !== undefined) return new EngineFinder(home, { window: live[0].window });
  say(live.length === 0 ? 'no engine is running' : 'several engines are running; name one with --window:');
  for (const info of live) say(`  --window ${info.window}  (pid ${info.pid})`);
  return undefined;
}

function run(args: Arguments): void {
  const finder = chooseEngine(lifelineHome(), args);
  if (finder === undefined) {
    process.exitCode = 2;
    return;
  }
  const bridge = new Bridge({
    server: args.server,
    session: randomUUID(),
    input: process.stdin,
    output: process.stdout,
    clock: systemClock,
    findEngine: () => finder.find(),
    catalogue: () => readCatalogue(finder.catalogueFile(args.server)),
    log: say,
    onEnd: () => process.exit(0),
  });
  process.once('SIGTERM', () => bridge.end());
  process.once('SIGINT', () => bridge.end());
  bridge.start();
}

const args = readArguments();
if (typeof args === 'string') {
  say(args);
  process.exitCode = 2;
} else run(args);
