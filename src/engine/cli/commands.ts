import packageJson from '../../../package.json' with { type: 'json' };
import { isWindowId } from '../../endpoint/location.ts';
import { redactWellKnown } from '../../shared/redaction/wellKnown.ts';
import { exitCodes, readArguments, UsageError } from './arguments.ts';
import { HELP } from './help.ts';
import { say } from './output.ts';
import { requireNode } from './nodeVersion.ts';

/**
 * What the program can do: the engine of a window (`[engine] --window ID`, started by the extension), its guardian (`--guardian`), and the
 * commands of the stand-alone program. Each command is loaded when it is asked for: a bridge or a guardian has no use for the engine.
 */
async function main(args: readonly string[]): Promise<number | undefined> {
  const [command = '', ...rest] = args;
  switch (command) {
    case 'serve':
      requireNode(process.versions.node);
      await (await import('./serve.ts')).serve(rest);
      return undefined;
    case 'bridge':
      (await import('./bridge.ts')).runBridge();
      return undefined;
    case 'status':
      return (await import('./askingEngines.ts')).status(rest);
    case 'recover':
      return (await import('./askingEngines.ts')).recoverServers(rest);
    case 'verify-audit':
      return (await import('./askingEngines.ts')).verifyAuditTrails(rest);
    case 'engine':
      return runEngine(rest);
    case '--help':
    case '-h':
    case 'help':
      say(HELP.trimEnd());
      return exitCodes.well;
    case '--version':
      say(packageJson.version);
      return exitCodes.well;
    case '':
      throw new UsageError('A command is missing.');
    default:
      if (command.startsWith('--')) return runEngine(args);
      throw new UsageError(`There is no command ${JSON.stringify(command)}.`);
  }
}

async function runEngine(args: readonly string[]): Promise<undefined> {
  const { values } = readArguments(args, { window: { type: 'string' }, guardian: { type: 'boolean' } });
  if (values.guardian === true) {
    (await import('../upstream/guardian.ts')).runGuardian();
    return;
  }
  if (values.window === undefined || !isWindowId(values.window))
    throw new UsageError('engine needs --window ID.');
  requireNode(process.versions.node);
  await (await import('./engine.ts')).runWindowEngine(values.window);
}

function onFailure(error: unknown): void {
  // An argument that was not understood may be a token, and what is printed here ends up in somebody's log.
  const text = redactWellKnown(error instanceof Error ? error.message : String(error));
  // By what they carry: commands of another bundle have classes of their own.
  const exitCode = error instanceof Error && 'exitCode' in error ? error.exitCode : undefined;
  if (exitCode === exitCodes.wrongUsage) {
    process.stderr.write(`mcp-lifeline: ${text}\nmcp-lifeline --help tells more.\n`);
    process.exitCode = exitCodes.wrongUsage;
  } else if (exitCode === exitCodes.noEngine) {
    process.stderr.write(`mcp-lifeline: ${text}\n`);
    process.exitCode = exitCodes.noEngine;
  } else {
    process.stderr.write(`mcp-lifeline failed: ${text}\n`);
    process.exit(exitCodes.unhealthy);
  }
}

/** Runs a command and sets the exit code; the engine goes on after it. */
export function runCommand(args: readonly string[]): Promise<void> {
  return main(args).then((code) => {
    if (code !== undefined) process.exitCode = code;
  }, onFailure);
}
