import { join } from 'node:path';
import packageJson from '../../../package.json' with { type: 'json' };
import { sleep, systemClock } from '../../shared/base/clock.ts';
import { lifelineHome } from '../../endpoint/location.ts';
import { startEngine } from '../composition.ts';
import { takeOwnership } from '../state/ownership.ts';
import { limitYoungGeneration } from '../state/youngGeneration.ts';
import { LOG_LEVEL_VARIABLE, parseLogLevel } from './logLevel.ts';
import { Lifetime } from './lifetime.ts';

/** A dying predecessor gets this long to let go of the window. */
const OWNERSHIP_PATIENCE_MS = 2_000;
const OWNERSHIP_POLL_MS = 50;

async function own(home: string, window: string): Promise<ReturnType<typeof takeOwnership>> {
  const until = systemClock.now() + OWNERSHIP_PATIENCE_MS;
  for (;;) {
    const verdict = takeOwnership(join(home, 'locks'), window);
    if (verdict.kind === 'owner' || systemClock.now() > until) return verdict;
    await sleep(systemClock, OWNERSHIP_POLL_MS);
  }
}

/** The engine of one window. Sets the exit code, or ends the process when the engine has stopped. */
export async function runWindowEngine(window: string): Promise<void> {
  const home = lifelineHome();
  const verdict = await own(home, window);
  if (verdict.kind === 'taken') {
    process.stderr.write(`another engine (pid ${verdict.pid}) owns the window ${window}\n`);
    process.exitCode = 3;
    return;
  }
  limitYoungGeneration();
  const lifetime = new Lifetime(verdict.lock);
  const { version } = packageJson;
  // What is wrong there is told by `serve`; here nobody could correct it.
  const logLevel = parseLogLevel(process.env[LOG_LEVEL_VARIABLE]) ?? 'info';
  await lifetime.run(() => startEngine({ home, window, version, logLevel, onIdle: () => lifetime.stop(0) }));
}
