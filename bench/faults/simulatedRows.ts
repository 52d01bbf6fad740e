import { seededRandom } from '../../src/shared/base/random.ts';
import { Fault } from '../../src/shared/model/fault.ts';
import { parseConnectionSettings } from '../../src/shared/settings/connectionSettings.ts';
import { backoffOptions } from '../../src/engine/policies/backoff/backoff.ts';
import { Tide } from '../../src/engine/policies/backoff/tide.ts';
import { RecoveryQueue } from '../../src/engine/recovery/recoveryQueue.ts';
import { ServerRecovery, type RecoveryPlan } from '../../src/engine/recovery/serverRecovery.ts';
import { FakeClock } from '../../test/support/fakeClock.ts';
import type { Row } from './row.ts';

/** What would take too long for real: the engine's own decisions, on a clock that is moved. */

const KEY = 's#1';
const LOOP_MS = 600_000;
/** The longest interval of a crash loop, and its jitter. */
const BACK_WITHIN_MS = 331_000;
const LIFE_MS = 200;
/** Three starts, then one after 60, 120, 240 s and at most one more. */
const MAX_STARTS = 8;

/** A server that ends 200 ms after each start for ten minutes, and then stays; a call each second. */
export const simulatedRows: readonly Row[] = [
  {
    name: 'crash-loop-simulated',
    title: 'stdio: it exits at every start for 10 minutes, simulated: the policies alone, a call each second',
    play: async ({ ledger, random }) => {
      const clock = new FakeClock();
      const seeded = seededRandom(Math.floor(random() * 2 ** 31));
      const { settings } = parseConnectionSettings([]);
      const policy = { backoff: backoffOptions(settings), maxRestartAttempts: settings.maxRestartAttempts };
      const server = new ServerRecovery('s', { clock, random: seeded, tide: new Tide(clock) });
      const queue = new RecoveryQueue({
        clock,
        random: seeded,
        intervalMs: () => settings.recoveryInterval * 1_000,
        onError: (error) => {
          throw error;
        },
      });
      const began = clock.now();
      let plan: RecoveryPlan | undefined;
      let upSince: number | undefined;
      const isUp = (): boolean => upSince !== undefined;
      let starts = 0;
      const waiting: string[] = [];
      const isBroken = (): boolean => clock.now() - began < LOOP_MS;
      const end = (attempt: ReturnType<typeof server.begin>): void => {
        const fault = new Fault('exited', 'The MCP server "s" ended unexpectedly (exit code 3).', {
          server: 's',
        });
        plan = server.ended(KEY, attempt, { readyForMs: undefined, answeredCalls: 0, fault, policy });
        const { attempts } = server;
        queue.plan({ key: KEY, server: 's', tier: 'medium', attempts, fault, delayMs: plan.delayMs });
        if (plan.state !== 'crashLoop') return;
        for (const key of waiting.splice(0)) ledger.end(key, { kind: 'failed', code: 'crashLoop', text: '' });
      };
      const start = (): void => {
        starts += 1;
        const attempt = server.begin();
        clock.setTimer(LIFE_MS, () => {
          if (isBroken()) {
            end(attempt);
            return;
          }
          upSince = clock.now();
          server.ready(KEY, attempt);
          queue.remove(KEY);
          for (const key of waiting.splice(0)) ledger.end(key, { kind: 'answered', text: key });
        });
      };
      queue.join(KEY, { needsAttempt: () => false, retry: start });
      start();
      let startsBroken = 0;
      while (!isUp() && clock.now() - began < LOOP_MS + BACK_WITHIN_MS) {
        const key = ledger.begin('echo');
        if (plan?.state === 'crashLoop') ledger.end(key, { kind: 'failed', code: 'crashLoop', text: '' });
        else waiting.push(key);
        await clock.advance(1_000);
        if (isBroken()) startsBroken = starts;
      }
      const firstSuccessMs = upSince === undefined ? undefined : upSince - began - LOOP_MS;
      const last = ledger.begin('echo');
      ledger.end(last, isUp() ? { kind: 'answered', text: last } : { kind: 'lost' });
      queue.dispose();
      return {
        firstSuccessMs,
        restarts: starts - 1,
        zeros: { 'starts too many': Math.max(0, startsBroken - MAX_STARTS), 'timers left': clock.pending },
        note: `${startsBroken} starts in 10 minutes; first success by itself, with nobody's help`,
      };
    },
  },
];
