import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { CallClient } from '../../test/support/callClient.ts';
import { EVERY_KIND, pause, type Stage } from './stage.ts';
import type { Row } from './row.ts';

/** Servers that are processes: killed, stopped, hanging, not starting. */

async function restartsOf(stage: Stage, name = 's'): Promise<number> {
  return (await stage.server(name)).metrics.restarts;
}

async function killAll(stage: Stage, name = 's', signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  for (const pid of await stage.pids(name)) process.kill(pid, signal);
}

/** One call of each kind, together. */
function oneOfEach(stage: Stage, client: CallClient): Promise<unknown> {
  return Promise.all(Object.keys(EVERY_KIND).map((tool) => stage.call(client, tool)));
}

/** Calls until one is answered. */
export async function untilAnswered(stage: Stage, client: CallClient, limitMs = 90_000): Promise<void> {
  const end = performance.now() + limitMs;
  while (performance.now() < end && (await stage.call(client, 'safe')).kind !== 'answered') await pause(100);
}

export const processRows: readonly Row[] = [
  {
    name: 'kill-between',
    title: 'stdio: SIGKILL between two calls, 10 times',
    play: async (stage) => {
      await stage.start({ s: stage.stdio() });
      const client = await stage.bridge('s');
      let since = 0;
      for (let round = 0; round < 10; round += 1) {
        for (const tool of Object.keys(EVERY_KIND)) await stage.call(client, tool);
        since = performance.now();
        await killAll(stage);
      }
      await oneOfEach(stage, client);
      return { firstSuccessMs: stage.firstSuccess(since), restarts: await restartsOf(stage) };
    },
  },
  {
    name: 'kill-during',
    title: 'stdio: SIGKILL under load, 10 times',
    play: async (stage) => {
      await stage.start({ s: stage.stdio() });
      const load = stage.load(await stage.bridges('s', 2), { concurrency: 6 });
      let since = 0;
      for (let round = 0; round < 10; round += 1) {
        await pause(300);
        since = performance.now();
        await killAll(stage);
        await stage.untilServing(since);
      }
      await pause(1_000);
      await load.stop();
      return { firstSuccessMs: stage.firstSuccess(since), restarts: await restartsOf(stage) };
    },
  },
  {
    name: 'stopped',
    title: 'stdio: SIGSTOP for 1, 5, 15 and 30 s under load',
    waits: true,
    play: async (stage) => {
      const times = [1, 5, 15, 30];
      await stage.start(Object.fromEntries(times.map((time) => [`s${time}`, stage.stdio()])));
      const clients = await Promise.all(times.map((time) => stage.bridge(`s${time}`)));
      const load = stage.load(clients, { pauseMs: 100 });
      await pause(500);
      const restarted = await Promise.all(
        times.map(async (time) => {
          const pids = await stage.pids(`s${time}`);
          for (const pid of pids) process.kill(pid, 'SIGSTOP');
          await pause(time * 1_000);
          for (const pid of pids) {
            try {
              process.kill(pid, 'SIGCONT');
            } catch {
              // given up meanwhile, which is counted as a restart
            }
          }
        }),
      ).then(() => Promise.all(times.map((time) => restartsOf(stage, `s${time}`))));
      const since = performance.now();
      await pause(1_500);
      await load.stop();
      return {
        firstSuccessMs: stage.firstSuccess(since),
        restarts: restarted.reduce((sum, count) => sum + count, 0),
        note: 'first success after the longest',
      };
    },
  },
  {
    name: 'hang-initialize',
    title: 'stdio: after a crash it never answers initialize, for 20 s; deadline 8 s',
    waits: true,
    play: async (stage) => {
      await stage.start({ s: stage.stdio({ connection: { requestTimeout: 8 } }) });
      const client = await stage.bridge('s');
      await oneOfEach(stage, client);
      stage.turn('silent');
      await killAll(stage);
      const load = stage.load([client], { concurrency: 1, pauseMs: 500 });
      await pause(20_000);
      stage.turn('well');
      const since = performance.now();
      await load.stop();
      await untilAnswered(stage, client);
      return {
        firstSuccessMs: stage.firstSuccess(since),
        restarts: await restartsOf(stage),
        note: 'the start has 30 s',
      };
    },
  },
  {
    name: 'hang-call',
    title: 'stdio: it hangs for good during calls (SIGSTOP); deadline 5 s',
    waits: true,
    play: async (stage) => {
      await stage.start({ s: stage.stdio({ connection: { requestTimeout: 5 } }) });
      const client = await stage.bridge('s');
      const load = stage.load([client], { concurrency: 2, pauseMs: 50 });
      await pause(300);
      const since = performance.now();
      await killAll(stage, 's', 'SIGSTOP');
      await pause(14_000);
      await load.stop();
      return { firstSuccessMs: stage.firstSuccess(since), restarts: await restartsOf(stage) };
    },
  },
  {
    name: 'hang-tool',
    title: 'stdio: one tool never answers, the others go on; deadline 5 s',
    waits: true,
    play: async (stage) => {
      await stage.start({ s: stage.stdio({ connection: { requestTimeout: 5 } }) });
      const client = await stage.bridge('s');
      const load = stage.load([client], { mix: { safe: 1, other: 1 }, pauseMs: 20 });
      const since = performance.now();
      for (const tool of ['idempotent', 'idempotent', 'other'])
        await stage.call(client, tool, { never: true });
      await load.stop();
      await oneOfEach(stage, client);
      return {
        firstSuccessMs: stage.firstSuccess(since),
        restarts: await restartsOf(stage),
        note: 'three calls of it, one after another',
      };
    },
  },
  {
    name: 'port-in-use',
    title: 'stdio: after a crash its port is taken, for 5 s',
    waits: true,
    play: async (stage) => {
      const stranger = createServer().listen(0, '127.0.0.1');
      await once(stranger, 'listening');
      stage.onEnd(() => stranger.close());
      const { port } = stranger.address() as AddressInfo;
      await stage.start({ s: stage.stdio({}, { PORT: String(port) }) });
      const client = await stage.bridge('s');
      await oneOfEach(stage, client);
      stage.turn('port');
      await killAll(stage);
      const load = stage.load([client], { concurrency: 1, pauseMs: 200 });
      await pause(5_000);
      const { state, diagnosis, lastError } = await stage.server('s');
      stranger.close();
      await once(stranger, 'close');
      await load.stop();
      const since = performance.now();
      await stage.control.recover('s');
      await untilAnswered(stage, client);
      return {
        firstSuccessMs: stage.firstSuccess(since),
        restarts: await restartsOf(stage),
        note: `${state}, ${diagnosis?.cause ?? lastError?.code ?? 'no cause'}; first success after force recovery`,
      };
    },
  },
  {
    name: 'crash-loop',
    title: 'stdio: it exits at once at every start, for 20 s',
    waits: true,
    play: async (stage) => {
      await stage.start({ s: stage.stdio() });
      const client = await stage.bridge('s');
      await oneOfEach(stage, client);
      stage.turn('exit');
      await killAll(stage);
      const load = stage.load([client], { concurrency: 2, pauseMs: 100 });
      await pause(20_000);
      const restarts = await restartsOf(stage);
      stage.turn('well');
      await load.stop();
      const since = performance.now();
      await stage.control.recover('s');
      await untilAnswered(stage, client);
      return {
        firstSuccessMs: stage.firstSuccess(since),
        restarts,
        note: 'first success after force recovery',
      };
    },
  },
];
