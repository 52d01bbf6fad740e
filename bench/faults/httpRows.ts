import type { CallClient } from '../../test/support/callClient.ts';
import { isQuick } from '../page.ts';
import type { Row } from './row.ts';
import { EVERY_KIND, HttpServer, pause, type Stage } from './stage.ts';
import { untilAnswered } from './processRows.ts';

/** Servers that are reached over HTTP. */

async function serve(
  stage: Stage,
  bridges: number,
  lifeline: Record<string, unknown> = {},
): Promise<{ http: HttpServer; clients: CallClient[] }> {
  const http = await new HttpServer(stage).start();
  await stage.start({ s: http.entry(lifeline) });
  return { http, clients: await stage.bridges('s', bridges) };
}

async function restartsOf(stage: Stage): Promise<number> {
  return (await stage.server('s')).metrics.restarts;
}

/** Down while calls arrive, then back at its address with no session of before. */
function down(forS: number): Row {
  return {
    name: `down-${forS}`,
    title: `HTTP: down for ${forS} s while calls arrive`,
    waits: true,
    play: async (stage) => {
      const { http, clients } = await serve(stage, 2);
      const load = stage.load(clients, { concurrency: 3, pauseMs: 50 });
      await pause(500);
      await http.kill();
      await pause(forS * 1_000);
      const since = performance.now();
      await http.start();
      await untilAnswered(stage, clients[0]!);
      await pause(1_000);
      await load.stop();
      return { firstSuccessMs: stage.firstSuccess(since), restarts: await restartsOf(stage) };
    },
  };
}

/** Each of these chances for six seconds, then none. */
function unwell(
  name: string,
  title: string,
  orders: Record<string, number>,
  lifeline: Record<string, unknown> = {},
): Row {
  return {
    name,
    title: `HTTP: ${title}`,
    play: async (stage) => {
      const { http, clients } = await serve(stage, 2, lifeline);
      const load = stage.load(clients, { concurrency: 6, pauseMs: 10 });
      await pause(300);
      http.order(orders);
      await pause(6_000);
      const since = performance.now();
      http.order({});
      await untilAnswered(stage, clients[0]!);
      await load.stop();
      return { firstSuccessMs: stage.firstSuccess(since), restarts: await restartsOf(stage) };
    },
  };
}

const RACERS = 100;
/** What is left after that is not played. */
const RACES_LIMIT_MS = 200_000;

/** All sessions are lost, and a hundred calls come at once: each session is opened anew by one of its callers, and answers 400 for a while. */
function races(name: string, sessions: number, count: number): Row {
  const times = isQuick ? count / 50 : count;
  const callers = sessions === RACERS ? `${RACERS} clients` : `${RACERS} callers in ${sessions} sessions`;
  return {
    name,
    title: `HTTP: all sessions lost, new ones answer 400 until they are ready: ${times} races of ${callers}`,
    play: async (stage) => {
      const http = await new HttpServer(stage).start();
      http.order({ readyAfterMs: 5 });
      await stage.start({ s: http.entry() });
      const clients = await Promise.all(Array.from({ length: sessions }, () => stage.socket('s')));
      const callersOf = Array.from({ length: RACERS }, (_, index) => clients[index % sessions]!);
      const tools = Object.keys(EVERY_KIND);
      const end = performance.now() + RACES_LIMIT_MS;
      let since = 0;
      let played = 0;
      for (; played < times && performance.now() < end; played += 1) {
        if (played < times - 1) stage.forgetSuccesses();
        since = performance.now();
        http.forget();
        await Promise.all(
          callersOf.map((client, index) => stage.call(client, tools[(index + played) % tools.length]!)),
        );
      }
      const early = stage.record.filter((line) => line.startsWith('early ')).length;
      return {
        firstSuccessMs: stage.firstSuccess(since),
        restarts: await restartsOf(stage),
        zeros: { 'spurious 400s': early },
        note: played < times ? `only ${played} races in ${RACES_LIMIT_MS / 1_000} s` : '',
      };
    },
  };
}

export const httpRows: readonly Row[] = [
  {
    name: 'sessions-lost',
    title: 'HTTP: killed and back at once under load, 10 times; every session is unknown (404)',
    play: async (stage) => {
      const { http, clients } = await serve(stage, 2);
      const load = stage.load(clients, { concurrency: 6 });
      let since = 0;
      for (let round = 0; round < 10; round += 1) {
        await pause(300);
        since = performance.now();
        await http.kill();
        await http.start();
        await stage.untilServing(since);
      }
      await pause(500);
      await load.stop();
      return { firstSuccessMs: stage.firstSuccess(since), restarts: await restartsOf(stage) };
    },
  },
  races('races', 10, 1_000),
  races('races-of-sessions', RACERS, 100),
  down(5),
  down(30),
  unwell('busy', '429 with Retry-After: 1 to 30 % of the calls, for 6 s', { busy: 0.3, retryAfter: 1 }),
  unwell('unavailable', '503 with Retry-After: 1 to 5 % of the calls, for 6 s', {
    down: 0.05,
    retryAfter: 1,
  }),
  unwell('cut', 'closed in the middle of 5 % of the answers, for 6 s', { cut: 0.05 }),
  unwell('reset', 'reset before or after 5 % of the executions, for 6 s', {
    reset: 0.025,
    resetAfter: 0.025,
  }),
  unwell(
    'failing',
    '503 to half of the calls, for 6 s, so that its breaker opens; recoveryTimeout 5 s',
    { down: 0.5 },
    { connection: { recoveryTimeout: 5 } },
  ),
];
