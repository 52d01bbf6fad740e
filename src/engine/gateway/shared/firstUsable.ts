import type { Call } from '../../pipeline/call.ts';
import type { SharedSlot } from './sharedSlot.ts';

/** Resolves when one of several connections (at least one) is usable; rejects with the call's fault when none can become so. */
export async function firstUsable(slots: readonly SharedSlot[], call: Call): Promise<void> {
  const [only] = slots;
  if (slots.length === 1 && only !== undefined) {
    await only.connection.whenUsable(call);
    return;
  }
  const { signal } = call.controller;
  const over = new AbortController();
  const onAbort = (): void => over.abort(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await Promise.any(
      slots.map(({ connection }) => connection.whenUsable({ seq: call.seq, controller: over })),
    );
  } catch (error) {
    throw error instanceof AggregateError ? error.errors[0] : error;
  } finally {
    signal.removeEventListener('abort', onAbort);
    over.abort();
  }
}
