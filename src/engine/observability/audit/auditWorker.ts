import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../../../shared/base/clock.ts';
import type { FromThread, ThreadData, ToThread } from './auditThread.ts';
import { AuditTrail } from './auditTrail.ts';

/** The thread that writes the audit trail (`auditThread.ts`); a bundle of its own, `dist/lib/auditWorker.cjs`. */
const port = parentPort;
if (port === null) throw new Error('this is no program');
const tell = (message: FromThread): void => port.postMessage(message);
const memory: Buffer[] = [];

const trail = new AuditTrail({
  ...(workerData as ThreadData),
  clock: systemClock,
  log: (message) => tell({ kind: 'log', message }),
  onStatus: (status) => tell({ kind: 'status', status }),
});
trail.start();

port.on('message', (message: ToThread) => {
  switch (message.kind) {
    case 'memory':
      memory.push(Buffer.from(message.buffer));
      return;
    case 'packet': {
      const packet = memory[message.number];
      if (packet !== undefined) trail.take(packet, message.length);
      tell({ kind: 'read', status: trail.report() });
      return;
    }
    case 'flush':
      void trail.flush().then(() => tell({ kind: 'flushed', number: message.number }));
      return;
    case 'stop':
      // Nothing else keeps the thread.
      void trail.stop().then(() => port.close());
  }
});
