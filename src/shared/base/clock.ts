import { toDisposable, type Disposable } from './disposable.ts';

/** The part of `AbortSignal` that waits need; declared here because this folder knows no platform. */
export interface CancelSignal {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** The only source of time: everything that waits or measures gets one as a parameter. */
export interface Clock {
  /** Monotonic milliseconds; only differences mean anything. */
  now(): number;
  /** Wall-clock milliseconds since 1970, for people and files; never for durations. */
  wallNow(): number;
  /** Runs `action` once after `delayMs`, unless disposed first. Does not keep the process alive when `unref` is set. */
  setTimer(delayMs: number, action: () => void, options?: { unref?: boolean }): Disposable;
}

interface Platform {
  setTimeout(action: () => void, delayMs: number): unknown;
  clearTimeout(handle: unknown): void;
  readonly performance: { now(): number };
}

/** The longest delay a platform timer takes; a longer one would fire at once. */
const MAX_TIMER_MS = 2_147_483_647;

/** The real clock. */
export const systemClock: Clock = {
  now: () => (globalThis as unknown as Platform).performance.now(),
  wallNow: () => Date.now(),
  setTimer(delayMs, action, options) {
    const platform = globalThis as unknown as Platform;
    const handle = platform.setTimeout(action, Math.min(Math.max(0, delayMs), MAX_TIMER_MS));
    if (options?.unref === true) (handle as { unref?(): void }).unref?.();
    return toDisposable(() => platform.clearTimeout(handle));
  },
};

/**
 * Waits `delayMs`. Rejects with the signal's reason as soon as it is aborted, and leaves neither timer
 * nor listener behind.
 */
export function sleep(clock: Clock, delayMs: number, signal?: CancelSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason);
      return;
    }
    const onAbort = (): void => {
      timer.dispose();
      reject(signal?.reason);
    };
    const timer = clock.setTimer(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
