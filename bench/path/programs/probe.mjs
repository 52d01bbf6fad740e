// Loaded into a program by `node --import`, to look into it from outside: whoever connects to the socket PROBE_SOCKET gets a line of JSON about the
// heap after a full collection, and how late the event loop was since the last look. Costs nothing before the first look.
import { createServer } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const path = process.env.PROBE_SOCKET;
const RESOLUTION_MS = 5;
let delays;

function look() {
  // The time between two ticks of a timer: what is above its interval is delay.
  const ms = (ns) => Math.max(0, ns / 1e6 - RESOLUTION_MS);
  const delay =
    delays === undefined
      ? undefined
      : { p50: ms(delays.percentile(50)), p99: ms(delays.percentile(99)), max: ms(delays.max) };
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc');
  collect();
  collect();
  if (delays === undefined) {
    delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    delays.enable();
  }
  delays.reset();
  return { heapUsed: process.memoryUsage().heapUsed, delay };
}

if (path) {
  createServer((socket) => {
    socket.on('error', () => {});
    socket.end(`${JSON.stringify(look())}\n`);
  })
    .on('error', () => {})
    .listen(path)
    .unref();
}
