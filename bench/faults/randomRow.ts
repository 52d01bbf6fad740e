import { CANCEL_RATIO, Chaos, everyFault, httpFaults, serversOf } from './chaos.ts';
import { untilAnswered } from './processRows.ts';
import type { Row } from './row.ts';
import { HttpServer, pause } from './stage.ts';

const SESSIONS_OF_EACH = 3;
const CONCURRENCY = 5;
const EVERY_MS = 250;

/** Requirements R2.4: so many calls that may not be repeated, under random faults. */
export const randomRow = (calls: number): Row => ({
  name: 'random',
  title: `all of it at random: ${calls} calls that may not be repeated, over stdio and HTTP`,
  play: async (stage) => {
    const http = await new HttpServer(stage).start();
    await stage.start(serversOf(stage, http));
    const chaos = new Chaos(stage, http);
    await chaos.open(SESSIONS_OF_EACH);
    http.order(httpFaults);
    const load = stage.load(chaos.clients, {
      mix: { other: 1 },
      concurrency: CONCURRENCY,
      maxMs: 10,
      calls,
      cancelRatio: CANCEL_RATIO,
    });
    const began = performance.now();
    const running = chaos.run(everyFault, EVERY_MS);
    await load.done;
    chaos.stop();
    await running;
    const seconds = Math.round((performance.now() - began) / 1_000);
    http.order({});
    const since = performance.now();
    await pause(100);
    await untilAnswered(stage, chaos.clients[0]!);
    return {
      firstSuccessMs: stage.firstSuccess(since),
      restarts: stage.engineStarts - 1,
      note: `in ${seconds} s: ${chaos.summary}; restarts of the engine`,
    };
  },
});
