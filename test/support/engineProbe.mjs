// Loaded into an engine by `node --expose-gc --import`: whoever connects to the socket PROBE_SOCKET gets one line of JSON about the process after a
// full collection. Costs the engine one listening socket and no timer. `oldBytes`: what small collections have moved among the old objects since the last look.
// With PROBE_PRESSURE it first makes millions of objects, many of which live for a while, so that the young generation grows as far as it may: `youngBytes`.
import { rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { PerformanceObserver } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { getHeapSpaceStatistics } from 'node:v8';

const path = process.env.PROBE_SOCKET;
if (path && process.argv.includes('--window')) {
  rmSync(path, { force: true });
  const oldSpace = () =>
    getHeapSpaceStatistics().find((one) => one.space_name === 'old_space').space_used_size;
  let last = oldSpace();
  let oldBytes = 0;
  new PerformanceObserver(() => {
    const now = oldSpace();
    oldBytes += Math.max(0, now - last);
    last = now;
  }).observe({ entryTypes: ['gc'] });
  createServer(async (socket) => {
    socket.on('error', () => {});
    const youngBytes = process.env.PROBE_PRESSURE ? await press() : 0;
    globalThis.gc();
    globalThis.gc();
    const resources = {};
    for (const name of process.getActiveResourcesInfo()) resources[name] = (resources[name] ?? 0) + 1;
    const spaces = Object.fromEntries(
      getHeapSpaceStatistics().map((one) => [one.space_name, one.space_used_size]),
    );
    socket.end(
      `${JSON.stringify({ memory: process.memoryUsage(), spaces, resources, oldBytes, youngBytes })}\n`,
    );
    last = oldSpace();
    oldBytes = 0;
  })
    .listen(path)
    .unref();
}

async function press() {
  let youngBytes = 0;
  let kept = [];
  for (let round = 0; round < 40; round += 1) {
    for (let n = 0; n < 100_000; n += 1) {
      kept.push({ n, list: [n] });
      if (kept.length > 60_000) kept = [];
    }
    await setImmediate();
    const { space_size } = getHeapSpaceStatistics().find((one) => one.space_name === 'new_space');
    youngBytes = Math.max(youngBytes, space_size);
  }
  return youngBytes;
}
