// Loaded into an engine by `node --expose-gc --import`: whoever connects to the socket PROBE_SOCKET gets one line of JSON about the process after a
// full collection. Costs the engine one listening socket and no timer.
import { rmSync } from 'node:fs';
import { createServer } from 'node:net';

const path = process.env.PROBE_SOCKET;
if (path && process.argv.includes('--window')) {
  rmSync(path, { force: true });
  createServer((socket) => {
    globalThis.gc();
    globalThis.gc();
    const resources = {};
    for (const name of process.getActiveResourcesInfo()) resources[name] = (resources[name] ?? 0) + 1;
    socket.on('error', () => {});
    socket.end(`${JSON.stringify({ memory: process.memoryUsage(), resources })}\n`);
  })
    .listen(path)
    .unref();
}
