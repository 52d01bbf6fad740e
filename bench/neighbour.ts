/** A thread of its own that calls a healthy server, one call after another: what the measuring program does meanwhile must not count. */
import { parentPort, workerData } from 'node:worker_threads';
import { Peer } from './peer.ts';

export interface NeighbourOptions {
  readonly args: readonly string[];
  readonly env: Record<string, string>;
}

const ANSWER_LIMIT_MS = 15_000;
const { args, env } = workerData as NeighbourOptions;
const peer = new Peer(process.execPath, args, { env });
let isOver = true;

async function callOnce(): Promise<number> {
  const began = performance.now();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('the neighbour was not answered')), ANSWER_LIMIT_MS);
  });
  await Promise.race([peer.request('tools/call', { name: 'read', arguments: {} }), late]);
  clearTimeout(timer);
  return performance.now() - began;
}

async function measure(): Promise<readonly number[]> {
  const times: number[] = [];
  while (!isOver) times.push(await callOnce());
  return times;
}

let measuring: Promise<readonly number[]> | undefined;
parentPort?.on('message', (order: 'begin' | 'end' | 'close') => {
  if (order === 'begin') {
    isOver = false;
    measuring = measure();
    measuring.catch((error: unknown) => {
      throw error; // ends the thread, which its owner hears
    });
  } else if (order === 'end') {
    isOver = true;
    void measuring?.then((times) => parentPort?.postMessage(times));
  } else {
    peer.end();
    parentPort?.close();
  }
});
await peer.initialize();
parentPort?.postMessage('ready');
