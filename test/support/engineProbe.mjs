// Loaded into an engine by `node --expose-gc --import`: whoever connects to the socket PROBE_SOCKET gets one line of JSON about the process after a
// full collection. Costs the engine one listening socket and no timer. `oldBytes`: what small collections have moved among the old objects since the last look.
import { rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { PerformanceObserver } from 'node:perf_hooks';
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
  createServer((socket) => {
    globalThis.gc();
    globalThis.gc();
    const resources = {};
    for (const name of process.getActiveResourcesInfo()) resources[name] = (resources[name] ?? 0) + 1;
    socket.on('error', () => {});
    const spaces = Object.fromEntries(
      getHeapSpaceStatistics().map((one) => [one.space_name, one.space_used_size]),
    );
    socket.end(`${JSON.stringify({ memory: process.memoryUsage(), spaces, resources, oldBytes })}\n`);
    last = oldSpace();
    oldBytes = 0;
  })
    .listen(path)
    .unref();
}
