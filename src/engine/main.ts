import { join } from 'node:path';
import { parseArgs } from 'node:util';
import packageJson from '../../package.json' with { type: 'json' };
import { sleep, systemClock } from '../shared/base/clock.ts';
import { isWindowId, lifelineHome } from '../endpoint/location.ts';
import { startEngine, type Engine } from './composition.ts';
import { takeOwnership } from './state/ownership.ts';
import { runGuardian } from './upstream/guardian.ts';

/**
 * The engine of one window: `engine --window ID`. Exit codes: 0 stopped or nobody left, 1 could not start, 2 wrong
 * usage, 3 another engine owns the window.
 */

/** A dying predecessor gets this long to let go of the window. */
const OWNERSHIP_PATIENCE_MS = 2_000;
const OWNERSHIP_POLL_MS = 50;
/** Stopping may not take longer than this, whatever hangs. */
const STOP_LIMIT_MS = 8_000;

async function own(home: string, window: string): Promise<ReturnType<typeof takeOwnership>> {
  const until = systemClock.now() + OWNERSHIP_PATIENCE_MS;
  for (;;) {
    const verdict = takeOwnership(join(home, 'locks'), window);
    if (verdict.kind === 'owner' || systemClock.now() > until) return verdict;
    await sleep(systemClock, OWNERSHIP_POLL_MS);
  }
}

async function run(window: string): Promise<void> {
  const home = lifelineHome();
  const verdict = await own(home, window);
  if (verdict.kind === 'taken') {
    process.stderr.write(`another engine (pid ${verdict.pid}) owns the window ${window}\n`);
    process.exitCode = 3;
    return;
  }
  const started: { engine?: Engine } = {};
  let stopping = false;
  const stop = (code: number): void => {
    if (stopping) return;
    stopping = true;
    const limit = systemClock.setTimer(STOP_LIMIT_MS, () => process.exit(code));
    void (started.engine?.stop() ?? Promise.resolve()).finally(() => {
      limit.dispose();
      verdict.lock.dispose();
      process.exit(code);
    });
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop(0));
  // The editor's end of a pipe may go at any time; nothing is written there.
  process.on('SIGPIPE', () => undefined);
  process.on('SIGHUP', () => undefined);
  // What nobody foresaw: told in the log, and the engine starts afresh with its journal. Going on would trust broken state.
  const onBug = (error: unknown): void => {
    started.engine?.noteBug(error);
    process.exit(1);
  };
  process.on('uncaughtException', onBug);
  process.on('unhandledRejection', onBug);
  started.engine = await startEngine({ home, window, version: packageJson.version, onIdle: () => stop(0) });
}

function main(): void {
  let values: { window?: string | undefined; guardian?: boolean | undefined };
  try {
    ({ values } = parseArgs({ options: { window: { type: 'string' }, guardian: { type: 'boolean' } } }));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 2;
    return;
  }
  if (values.guardian === true) {
    runGuardian();
    return;
  }
  if (values.window === undefined || !isWindowId(values.window)) {
    process.stderr.write('usage: engine --window ID\n');
    process.exitCode = 2;
    return;
  }
  run(values.window).catch((error: unknown) => {
    process.stderr.write(
      `the engine could not start: ${error instanceof Error ? error.message : String(error)}\n`,
    );
    process.exit(1);
  });
}

main();
