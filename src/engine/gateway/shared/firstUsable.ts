import type { Call } from '../../pipeline/call.ts';
import type { SharedSlot } from './sharedSlot.ts';

/** Resolves with the first of several connections that becomes usable; rejects with the call's fault when none can. */
export async function firstUsable(slots: readonly SharedSlot[], call: Call): Promise<SharedSlot | undefined> {
  const [only] = slots;
  // Who waits for one connection waits there, in the order of arrival.
  if (slots.length <= 1) return only;
  const { signal } = call.controller;
  const over = new AbortController();
  const onAbort = (): void => over.abort(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const waits = slots.map(async (slot) => {
      await slot.connection.whenUsable({ seq: call.seq, controller: over });
      return slot;
    });
    return await Promise.any(waits);
  } catch (error) {
    throw error instanceof AggregateError ? error.errors[0] : error;
  } finally {
    signal.removeEventListener('abort', onAbort);
    over.abort();
  }
}
