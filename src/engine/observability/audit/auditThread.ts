import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { SHARE_ENV, Worker, type WorkerOptions } from 'node:worker_threads';
import type { AuditSink, SinkListener, SinkStatus } from './auditFeed.ts';

/** What the thread is told at its start. */
export interface ThreadData {
  readonly folder: string;
  readonly engine: { readonly pid: number; readonly version: string };
  readonly hasStarted: boolean;
  readonly keepDays: number;
}

/** Engine → thread. */
export type ToThread =
  /** Memory that both see; packets in it are named by its number: the first has 0. */
  | { readonly kind: 'memory'; readonly buffer: SharedArrayBuffer }
  | { readonly kind: 'packet'; readonly number: number; readonly length: number }
  | { readonly kind: 'flush'; readonly number: number }
  | { readonly kind: 'stop' };

/** Thread → engine. */
export type FromThread =
  | { readonly kind: 'read'; readonly status: SinkStatus }
  | { readonly kind: 'status'; readonly status: SinkStatus }
  | { readonly kind: 'log'; readonly message: string }
  | { readonly kind: 'flushed'; readonly number: number };

/** What waits for a disk, 20,000 records of 400 bytes, and the code that writes it, fit well. */
const resourceLimits = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 4 };

/** In the bundle and in the source. */
function threadFile(): string {
  const built = join(import.meta.dirname, 'lib', 'auditWorker.cjs');
  return existsSync(built) ? built : join(import.meta.dirname, 'auditWorker.ts');
}

/**
 * Writes the audit trail in a thread of its own: hashes, lines and the disk take nothing of the engine's. It does not keep the process alive, but while it is asked to
 * flush or to stop.
 */
export function openAuditThread(workerData: ThreadData, listener: SinkListener): AuditSink {
  // What stands in the engine's own command line is not for it.
  const options: WorkerOptions = { workerData, resourceLimits, env: SHARE_ENV, execArgv: [], name: 'audit' };
  const worker = new Worker(threadFile(), options);
  worker.unref();
  const flushing = new Map<number, () => void>();
  const ended = Promise.withResolvers<undefined>();
  let lastFlush = 0;
  let isStopping = false;
  let reason: string | undefined;
  const tell = (message: ToThread): void => worker.postMessage(message);
  const memory = new Map<SharedArrayBuffer, number>();
  worker.on('message', (message: FromThread) => {
    if (message.kind === 'read') listener.onRead(message.status);
    else if (message.kind === 'status') listener.onStatus(message.status);
    else if (message.kind === 'log') listener.onLog(message.message);
    else flushing.get(message.number)?.();
  });
  worker.on('error', (error) => {
    reason = `the thread that writes it failed: ${error instanceof Error ? error.message : String(error)}`;
  });
  worker.on('exit', (code) => {
    ended.resolve(undefined);
    for (const resolve of flushing.values()) resolve();
    if (!isStopping) listener.onEnd(reason ?? `the thread that writes it ended with ${code}`);
  });
  return {
    take({ buffer, length }) {
      let number = memory.get(buffer);
      if (number === undefined) {
        number = memory.size;
        memory.set(buffer, number);
        tell({ kind: 'memory', buffer });
      }
      tell({ kind: 'packet', number, length });
    },
    async flush() {
      const number = (lastFlush += 1);
      const done = Promise.withResolvers<undefined>();
      flushing.set(number, () => done.resolve(undefined));
      worker.ref();
      tell({ kind: 'flush', number });
      await Promise.race([done.promise, ended.promise]);
      flushing.delete(number);
      if (flushing.size === 0 && !isStopping) worker.unref();
    },
    async stop() {
      isStopping = true;
      worker.ref();
      tell({ kind: 'stop' });
      await ended.promise;
    },
  };
}
