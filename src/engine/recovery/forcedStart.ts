import type { Clock } from '../../shared/base/clock.ts';
import type { Disposable } from '../../shared/base/disposable.ts';
import type { BreakerStateName } from '../../shared/model/snapshot.ts';

/** A trial call that is under way is not cut off; it is looked again after this. */
const TRIAL_PATIENCE_MS = 10_000;

export interface ForcedStartOptions {
  readonly clock: Clock;
  /** The setting `forceRecoveryAfter`; asked when a time is set. */
  readonly afterMs: () => number;
  /** Starts the server afresh. False: not now, a call is under way. */
  readonly act: () => boolean;
}

/**
 * A breaker that does not close for long leads to a fresh start of its server (requirements R2, `forceRecoveryAfter`): a process that answers pings
 * but no calls gets no better by being asked again. At most once in that time.
 */
export class ForcedStart implements Disposable {
  readonly #options: ForcedStartOptions;
  #timer: Disposable | undefined;

  constructor(options: ForcedStartOptions) {
    this.#options = options;
  }

  /** The breaker is in this state now. Half-open is not closed: its trials may fail for ever. */
  note(state: BreakerStateName): void {
    const isOpen = state === 'open' || state === 'halfOpen';
    if (!isOpen) this.dispose();
    else if (this.#timer === undefined) this.#wait(this.#options.afterMs());
  }

  #wait(ms: number): void {
    this.#timer = this.#options.clock.setTimer(
      ms,
      () => {
        this.#timer = undefined;
        // Set first: a breaker that changes on the way finds the time running.
        const { act, afterMs } = this.#options;
        this.#wait(afterMs());
        if (act()) return;
        this.dispose();
        this.#wait(TRIAL_PATIENCE_MS);
      },
      { unref: true },
    );
  }

  /** Nobody uses the server, or its breaker is closed. */
  dispose(): void {
    this.#timer?.dispose();
    this.#timer = undefined;
  }
}
