import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CallClient } from '../../test/support/callClient.ts';
import { bridgePath } from '../../test/support/testEngine.ts';
import { CallClient as Client } from '../../test/support/callClient.ts';
import { untilAnswered } from './processRows.ts';
import type { Row } from './row.ts';
import { EVERY_KIND, HttpServer, pause, type Stage } from './stage.ts';

/** What happens to the engine itself, to its disk, and to its clients. */

/** A small file system of its own at `folder`, until the row ends. Needs root. */
function mount(stage: Stage, folder: string, options: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder]);
  stage.onEnd(() => execFileSync('umount', ['--lazy', folder]));
}

/** The servers write down what they did where there is room. */
function recordElsewhere(stage: Stage): void {
  const folder = mkdtempSync(join(tmpdir(), 'lifeline-record-'));
  stage.recordFile = join(folder, 'record.txt');
  stage.onAfterEnd(() => rmSync(folder, { recursive: true, force: true }));
}

async function both(stage: Stage): Promise<{ http: HttpServer; clients: CallClient[] }> {
  const http = await new HttpServer(stage).start();
  await stage.start({ s: stage.stdio(), h: http.entry() });
  const clients = [...(await stage.bridges('s', 2)), ...(await stage.bridges('h', 2))];
  return { http, clients };
}

export const engineRows: readonly Row[] = [
  {
    name: 'engine-killed',
    title: 'engine: SIGKILL under load, 10 times; stdio and HTTP',
    play: async (stage) => {
      const { clients } = await both(stage);
      const load = stage.load(clients, { concurrency: 4 });
      let since = 0;
      for (let round = 0; round < 10; round += 1) {
        await pause(300);
        since = performance.now();
        await stage.killEngine();
        await stage.untilServing(since);
      }
      await pause(500);
      await load.stop();
      return { firstSuccessMs: stage.firstSuccess(since), restarts: 10, note: 'restarts of the engine' };
    },
  },
  {
    name: 'engine-stopped',
    title: 'engine: SIGTERM under load, 5 times; stdio and HTTP',
    play: async (stage) => {
      const { clients } = await both(stage);
      const load = stage.load(clients, { concurrency: 4 });
      let since = 0;
      for (let round = 0; round < 5; round += 1) {
        await pause(300);
        since = performance.now();
        await stage.killEngine('SIGTERM');
        await stage.untilServing(since);
      }
      await pause(500);
      await load.stop();
      return { firstSuccessMs: stage.firstSuccess(since), restarts: 5, note: 'restarts of the engine' };
    },
  },
  {
    name: 'client-gone',
    title: 'client: bridge killed during its calls, 20 times; other clients go on',
    play: async (stage) => {
      const { clients } = await both(stage);
      const load = stage.load(clients, { concurrency: 2, pauseMs: 5 });
      for (let round = 0; round < 20; round += 1) {
        const client = await stage.bridge(round % 2 === 0 ? 's' : 'h');
        const calls = Object.keys(EVERY_KIND).map((tool) => stage.call(client, tool, { ms: 2_000 }));
        await pause(30);
        await client.kill();
        await Promise.all(calls);
      }
      const since = performance.now();
      await untilAnswered(stage, clients[0]!);
      await load.stop();
      const inFlight = await stage.control.server(
        's',
        ({ metrics, sessions }) => metrics.inFlight === 0 && sessions === 2,
      );
      return {
        firstSuccessMs: stage.firstSuccess(since),
        restarts: inFlight.metrics.restarts,
        zeros: { 'calls still under way': inFlight.metrics.inFlight },
      };
    },
  },
  {
    name: 'cancelled',
    title: 'client: takes back a third of its calls, stdio and HTTP, while the server is killed',
    play: async (stage) => {
      const { http, clients } = await both(stage);
      const load = stage.load(clients, { concurrency: 6, cancelRatio: 0.33 });
      let since = 0;
      for (let round = 0; round < 5; round += 1) {
        await pause(600);
        since = performance.now();
        for (const pid of await stage.pids('s')) process.kill(pid, 'SIGKILL');
        await http.kill();
        await http.start();
        await stage.untilServing(since);
      }
      await pause(500);
      await load.stop();
      return {
        firstSuccessMs: stage.firstSuccess(since),
        restarts: (await stage.server('s')).metrics.restarts,
      };
    },
  },
  {
    name: 'disk-full',
    title: 'disk: full during the session, then the server and the engine are killed',
    play: async (stage) => {
      recordElsewhere(stage);
      mount(stage, stage.bed.home, 'size=8m,mode=0700');
      await stage.start({ s: stage.stdio() });
      const clients = await stage.bridges('s', 2);
      const load = stage.load(clients, { concurrency: 3, pauseMs: 10 });
      await pause(500);
      const file = join(stage.bed.home, 'ballast');
      fill(file);
      await pause(1_000);
      for (const pid of await stage.pids('s')) process.kill(pid, 'SIGKILL');
      await pause(1_500);
      process.kill(stage.enginePid, 'SIGKILL');
      await pause(3_000);
      const since = performance.now();
      rmSync(file);
      await untilAnswered(stage, clients[0]!);
      await load.stop();
      return {
        firstSuccessMs: stage.firstSuccess(since),
        restarts: stage.engineStarts - 1,
        note: 'first success after there is room again; restarts of the engine',
      };
    },
  },
  {
    name: 'disk-read-only',
    title: 'disk: journal, catalogue and logs cannot be written; the server and the engine are killed',
    play: async (stage) => {
      recordElsewhere(stage);
      for (const name of ['journal', 'catalogue', 'logs'])
        mount(stage, join(stage.bed.home, name), 'ro,mode=0700');
      await stage.start({ s: stage.stdio() });
      const clients = await stage.bridges('s', 2);
      const load = stage.load(clients, { concurrency: 3, pauseMs: 10 });
      await pause(1_000);
      for (const pid of await stage.pids('s')) process.kill(pid, 'SIGKILL');
      await pause(1_000);
      const since = performance.now();
      await stage.killEngine();
      await untilAnswered(stage, clients[0]!);
      await pause(500);
      await load.stop();
      return {
        firstSuccessMs: stage.firstSuccess(since),
        restarts: stage.engineStarts - 1,
        note: 'first success after the engine was killed; restarts of the engine',
      };
    },
  },
  {
    name: 'no-engine',
    title: 'engine: none can start (the whole folder is read-only): its bridges answer',
    waits: true,
    play: async (stage) => {
      recordElsewhere(stage);
      mount(stage, stage.bed.home, 'ro,mode=0700');
      const args = [bridgePath, '--server', 's', '--window', stage.bed.window];
      const client = Client.program(args, stage.bed.environment);
      stage.clients.push(client);
      await client.initialize();
      await Promise.all(Object.keys(EVERY_KIND).map((tool) => stage.call(client, tool)));
      return { firstSuccessMs: undefined, restarts: 0 };
    },
  },
];

/** Until nothing more fits in. */
function fill(file: string): void {
  try {
    for (;;) writeFileSync(file, Buffer.alloc(65_536), { flag: 'a' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}
