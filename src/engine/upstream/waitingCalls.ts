import type { Fault } from '../../shared/model/fault.ts';
import type { Call } from '../pipeline/call.ts';
import type { Launch } from './launch.ts';

interface Waiter {
  readonly seq: number;
  readonly resolve: (launch: Launch) => void;
  readonly reject: (fault: Fault) => void;
}

/** Calls that wait for their server. Each leaves with a launch, with a fault, or when it is aborted; nothing of it stays behind. */
export class WaitingCalls {
  readonly #waiters = new Set<Waiter>();

  get size(): number {
    return this.#waiters.size;
  }

  /** Rejects with the call's own fault when it is aborted. */
  wait(call: Pick<Call, 'seq' | 'controller'>): Promise<Launch> {
    const { signal } = call.controller;
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiters.delete(waiter);
        signal.removeEventListener('abort', onAbort);
      };
      const onAbort = (): void => {
        leave();
        reject(signal.reason);
      };
      const waiter: Waiter = {
        seq: call.seq,
        resolve: (launch) => {
          leave();
          resolve(launch);
        },
        reject: (fault) => {
          leave();
          reject(fault);
        },
      };
      if (signal.aborted) {
        reject(signal.reason);
        return;
      }
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiters.add(waiter);
    });
  }

  /** In order of arrival, whatever they waited for meanwhile. */
  resolveAll(launch: Launch): void {
    for (const waiter of [...this.#waiters].sort((a, b) => a.seq - b.seq)) waiter.resolve(launch);
  }

  rejectAll(fault: Fault): void {
    for (const waiter of [...this.#waiters]) waiter.reject(fault);
  }
}
