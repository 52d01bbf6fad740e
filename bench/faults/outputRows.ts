import { join } from 'node:path';
import { projectRoot } from '../../test/support/testEngine.ts';
import type { Row } from './row.ts';
import { pause, type Mix, type Stage } from './stage.ts';

/** Servers whose output is none. They have tools of their own. */
const badServer = join(projectRoot, 'test', 'servers', 'bad.mjs');
const MIX: Mix = { echo: 1, record: 1 };

async function speakBadly(
  stage: Stage,
  mode: string,
  forMs: number,
): Promise<{ firstSuccessMs: number | undefined; restarts: number }> {
  const entry = {
    command: process.execPath,
    args: [badServer],
    env: stage.env,
    lifeline: { connection: { requestTimeout: 10 } },
  };
  await stage.start({ s: entry });
  const client = await stage.bridge('s');
  for (const tool of Object.keys(MIX)) await stage.call(client, tool);
  stage.turn(mode);
  const since = performance.now();
  for (const pid of await stage.pids('s')) process.kill(pid, 'SIGKILL');
  const load = stage.load([client], { mix: MIX, concurrency: 2, pauseMs: 50 });
  await pause(forMs);
  await load.stop();
  const { metrics } = await stage.server('s');
  return { firstSuccessMs: stage.firstSuccess(since), restarts: metrics.restarts };
}

const row = (name: string, mode: string, title: string, forMs: number): Row => ({
  name,
  title: `stdio: ${title}`,
  play: (stage) => speakBadly(stage, mode, forMs),
});

export const outputRows: readonly Row[] = [
  row('garbage', 'garbage', 'garbage between its messages', 3_000),
  row('half-lines', 'glued', 'half a line before each answer; deadline 10 s', 11_000),
  row('huge-line', 'hugeLine', 'a line of 1 GB', 8_000),
];
