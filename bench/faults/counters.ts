import type { ServerSnapshot } from '../../src/shared/model/snapshot.ts';
import type { Tally } from '../../test/support/ledger.ts';
import { pause, type Stage } from './stage.ts';

type Metrics = ServerSnapshot['metrics'];

const sumOf = (all: readonly Metrics[], of: (metrics: Metrics) => number | undefined): number =>
  all.reduce((sum, metrics) => sum + (of(metrics) ?? 0), 0);
const sum = (counts: Iterable<number>): number => [...counts].reduce((all, one) => all + one, 0);
/** Told as such; one whose outcome is unknown may have been late as well, which its client is not told apart. */
const lateCodes = ['requestTimeout', 'readTimeout', 'connectTimeout', 'startTimeout'];

/** When nothing is under way any more: of a client that was killed the engine hears a moment later. */
async function atRest(stage: Stage): Promise<readonly ServerSnapshot[]> {
  const end = performance.now() + 20_000;
  for (;;) {
    const { servers } = await stage.control.snapshot();
    if (performance.now() > end || servers.every(({ metrics }) => metrics.open === 0)) return servers;
    await pause(50);
  }
}

/**
 * What the engine counted, less what its clients were told and its servers wrote down; all must be 0 (requirements R11.1). Exact is:
 * - always: every call that came ended in one way, every outage too, and no call is open;
 * - where no engine was lost and no client killed, whose last calls may never have reached the engine: how many came;
 * - where besides no client took a call back, which its answer may meet on the way: successful, failed, and those with an unknown outcome. Otherwise those together.
 *
 * Bounds, not equations, are: timeouts, because a client that is told "outcome unknown" does not learn whether that was for its time; retries, because what was
 * written into the pipe of a process that was killed is a retry that nobody executed. Restarts, breaker openings and recoveries depend on when a fault met what: test/integration/counters.test.ts
 * has them exactly, one fault at a time.
 */
export async function countersOff(stage: Stage, tally: Tally): Promise<Record<string, number>> {
  if (stage.engineStarts === 0) return {};
  await stage.whenUp;
  const servers = await atRest(stage);
  const all = servers.map(({ metrics }) => metrics);
  const of = (pick: (metrics: Metrics) => number | undefined): number => sumOf(all, pick);
  const ended = of(({ successful, failed, cancelled = 0 }) => successful + failed + cancelled);
  const off: Record<string, number> = {
    'calls open': of(({ open }) => open),
    'calls not ended': of(({ total }) => total) - ended,
    'answered, not measured':
      of(({ successful, stale = 0, remembered = 0 }) => successful - stale - remembered) -
      servers.reduce((count, { latency }) => count + (latency?.lifetime?.samples ?? 0), 0),
    'outages not ended': of(({ recovery }) =>
      recovery === undefined
        ? 0
        : recovery.outages - recovery.successes - recovery.abandoned - (recovery.since === undefined ? 0 : 1),
    ),
    'retries that came without being meant': Math.max(
      0,
      of(({ retryDelay, retries }) => (retryDelay?.count ?? 0) - retries),
    ),
  };
  if (stage.engineStarts > 1 || tally.left > 0 || tally.lost.length > 0) return off;
  const told = (codes: readonly string[]): number =>
    codes.reduce(
      (count, code) => count + (tally.failed.get(code) ?? 0) + (tally.failedRepeatable.get(code) ?? 0),
      0,
    );
  const failed = sum(tally.failed.values()) + sum(tally.failedRepeatable.values());
  const answered = tally.answered + stage.lists;
  off['calls that came'] = of(({ total }) => total) - tally.calls - stage.lists;
  const successfulOff = of(({ successful }) => successful) - answered;
  const failedOff = of((metrics) => metrics.failed) - failed;
  const cancelled = of((metrics) => metrics.cancelled);
  off['taken back'] = successfulOff + failedOff + cancelled - tally.cancelled;
  const repetitions = of(({ retryDelay }) => retryDelay?.count);
  off['repetitions that were no retries'] = Math.max(0, tally.repetitions - repetitions);
  const late = of(({ timeouts }) => timeouts);
  off['timeouts too few'] = Math.max(0, told(lateCodes) - late);
  off['timeouts too many'] = Math.max(0, late - told(lateCodes) - told(['outcomeUnknown']) - tally.cancelled);
  if (tally.cancelled > 0) return off;
  off['successful'] = successfulOff;
  off['failed'] = failedOff;
  off['outcome unknown'] = of(({ outcomeUnknown }) => outcomeUnknown) - told(['outcomeUnknown']);
  return off;
}
