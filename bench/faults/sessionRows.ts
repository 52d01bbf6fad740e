import { join } from 'node:path';
import { CallClient } from '../../test/support/callClient.ts';
import { lookInto, type EngineState } from '../../test/support/engineProbe.ts';
import { projectRoot } from '../../test/support/testEngine.ts';
import { isQuick } from '../page.ts';
import type { Row } from './row.ts';
import { HttpServer, pause, type Stage } from './stage.ts';

const tinyServer = join(projectRoot, 'test', 'servers', 'tiny.sh');
const SESSIONS = isQuick ? 1_000 : 10_000;
const AT_ONCE = 40;
/** Of so many sessions one is with a process, which costs what starting a process costs. */
const STDIO_EVERY = 10;
const WARM_UP = 400;
const SETTLE_LIMIT_MS = 30_000;

/** One call, then it leaves: in order, or by dying. */
async function openAndDrop(stage: Stage, index: number): Promise<void> {
  const server = index % STDIO_EVERY === 0 ? 's' : 'h';
  const client = await CallClient.socket(stage.bed.endpoint!, server);
  await client.initialize();
  stage.lists += 1;
  // The shell writes nothing down: its tool is one that leaves no record.
  if (server === 's') await stage.call(client, 'echo');
  else await stage.call(client, index % 3 === 0 ? 'other' : 'safe');
  await (index % 2 === 0 ? client.end() : client.kill());
}

async function many(stage: Stage, count: number): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      next += 1;
      await openAndDrop(stage, next);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

const counted = ['fds', 'sockets', 'timers', 'children'] as const;

/** The engine when it has come to rest: nothing is more than in `before`, or the time is up. */
async function atRest(stage: Stage, before?: EngineState): Promise<EngineState> {
  const end = performance.now() + (before === undefined ? 7_000 : SETTLE_LIMIT_MS);
  for (;;) {
    await pause(1_000);
    const now = await lookInto(stage.probeSocket, stage.enginePid);
    const isAtRest = before !== undefined && counted.every((what) => now[what] <= before[what]);
    if (isAtRest || performance.now() > end) return now;
  }
}

export const sessionRows: readonly Row[] = [
  {
    name: 'sessions',
    title: `client: ${SESSIONS} sessions opened and dropped, ${AT_ONCE} at a time; each tenth with a process, the others over HTTP`,
    play: async (stage) => {
      const http = await new HttpServer(stage).start();
      const tiny = { command: 'sh', args: [tinyServer], env: { BED: stage.bed.home } };
      await stage.start({ s: tiny, h: http.entry() }, {}, { probe: true });
      await many(stage, WARM_UP);
      const before = await atRest(stage);
      const since = performance.now();
      await many(stage, SESSIONS - WARM_UP);
      const perSecond = Math.round(((SESSIONS - WARM_UP) / (performance.now() - since)) * 1_000);
      const after = await atRest(stage, before);
      const { servers } = await stage.control.snapshot();
      const more = Object.fromEntries(
        counted.map((what) => [`${what} more`, Math.max(0, after[what] - before[what])]),
      );
      const sessions = servers.reduce((sum, server) => sum + server.sessions, 0);
      const abandoned = await http.sessions();
      return {
        firstSuccessMs: undefined,
        restarts: servers.reduce((sum, { metrics }) => sum + metrics.restarts, 0),
        zeros: { ...more, 'sessions left': sessions, 'sessions left at the server': abandoned },
        note: `${perSecond} sessions/s; fds ${before.fds} → ${after.fds}, timers ${before.timers} → ${after.timers}, processes ${before.children} → ${after.children}, heap ${before.heapMb.toFixed(1)} → ${after.heapMb.toFixed(1)} MB`,
      };
    },
  },
];
