import { isUsable } from '../../shared/model/connectionState.ts';
import { Fault } from '../../shared/model/fault.ts';
import type { HealthCheck } from '../../shared/settings/healthCheck.ts';
import { checkByTool, checkByUrl } from '../health/checks.ts';
import { OwnCheck, type Checked, type CheckResult } from '../health/ownCheck.ts';
import type { ServerRuntime } from '../servers/serverRuntime.ts';
import type { Connection } from '../upstream/connection.ts';
import type { Launch } from '../upstream/launch.ts';
import type { SessionDeps } from './session.ts';

/** Gives a connection the health check of its server's entry, for as long as it has a launch that is ready. */
export function attachOwnCheck(
  deps: SessionDeps,
  runtime: ServerRuntime,
  connection: Connection,
  key: string,
): void {
  const { clock, random, health, log } = deps;
  const check = (): HealthCheck | undefined => runtime.config?.lifeline.healthCheck;
  let failedAt = 0;
  const own = new OwnCheck({
    server: runtime.name,
    clock,
    random,
    monitor: health,
    check,
    intervalMs: () => runtime.settings.healthCheckInterval * 1_000,
    onChanged: () => {
      const { failure } = own;
      if (failure === undefined) runtime.failedChecks.delete(key);
      else runtime.failedChecks.set(key, failure);
      if (failure !== undefined) {
        failedAt = clock.now();
        log('warn', `its own health check failed: ${failure}`, runtime.name);
      } else {
        const lastedMs = Math.round(clock.now() - failedAt);
        log('info', `its own health check is well again after ${lastedMs} ms`, runtime.name);
      }
      runtime.touch();
    },
  });
  let watched: Launch | undefined;
  connection.onDidChange((state) => {
    const launch = isUsable(state) ? connection.usableLaunch : undefined;
    if (state === 'stopped') runtime.failedChecks.delete(key);
    if (launch === watched) return;
    watched = launch;
    if (launch === undefined) own.end();
    else own.begin(checkedLaunch(deps, runtime, launch));
  });
}

function checkedLaunch(deps: SessionDeps, runtime: ServerRuntime, launch: Launch): Checked {
  const { name } = runtime;
  let refusal: string | undefined;
  const onRefused = (why: string): void => {
    if (why !== refusal) deps.log('warn', why, name);
    refusal = why;
  };
  return {
    perform(check): Promise<CheckResult> {
      switch (check.kind) {
        case 'tool':
          // By then the next one is due.
          return runtime.limiter.inTurn('normal', runtime.settings.healthCheckInterval * 1_000, () =>
            checkByTool(launch, check, onRefused),
          );
        case 'url':
          return checkByUrl(deps.clock, check.url);
        case 'command':
          return deps.runCheck(runtime, check);
      }
    },
    get isInUse() {
      return launch.inFlight > 0;
    },
    giveUp: (why) =>
      launch.convict(
        new Fault(launch.pid === undefined ? 'connectionReset' : 'exited', why, { server: name }),
      ),
  };
}
