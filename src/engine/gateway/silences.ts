import type { Disposable } from '../../shared/base/disposable.ts';
import type { StreamTiming } from './httpStream.ts';

/** A request that has heard nothing yet. */
export interface Silence {
  /** Clock time at which it has lasted too long. */
  readonly until: number;
  readonly onTooLong: () => void;
}

/**
 * The silences of a session's requests. All may last equally long, so the oldest is over first, and one timer does for all: most requests
 * are answered long before, and neither start nor stop one.
 */
export class Silences {
  readonly #timing: StreamTiming;
  /** In the order of their ends. */
  readonly #silences = new Set<Silence>();
  #timer: Disposable | undefined;

  constructor(timing: StreamTiming) {
    this.#timing = timing;
  }

  begin(onTooLong: () => void): Silence {
    const { clock, keepAliveMs } = this.#timing;
    const silence = { until: clock.now() + keepAliveMs, onTooLong };
    this.#silences.add(silence);
    this.#timer ??= this.#watch(keepAliveMs);
    return silence;
  }

  end(silence: Silence): void {
    this.#silences.delete(silence);
  }

  #watch(delayMs: number): Disposable {
    const { clock } = this.#timing;
    const onTime = (): void => {
      this.#timer = undefined;
      for (const silence of this.#silences) {
        const leftMs = silence.until - clock.now();
        if (leftMs > 0) {
          this.#timer ??= this.#watch(leftMs);
          return;
        }
        this.#silences.delete(silence);
        silence.onTooLong();
      }
    };
    return clock.setTimer(delayMs, onTime, { unref: true });
  }

  dispose(): void {
    this.#timer?.dispose();
    this.#silences.clear();
  }
}
