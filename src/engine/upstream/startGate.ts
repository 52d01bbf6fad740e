import type { Clock } from '../../shared/base/clock.ts';
import type { Disposable } from '../../shared/base/disposable.ts';
import { tierOrder, type Tier } from '../../shared/model/tier.ts';

/** Processes that start at the same time; each of them wants a whole core. */
const STARTS_AT_ONCE = 4;
/** A start that takes longer waits for something else than this machine; it gives its place to another one. */
const PLACE_MS = 2_000;

export interface StartRequest {
  readonly tier: Tier;
  /** Whether a call waits for it; asked when a place is free. */
  readonly isAwaited: () => boolean;
  /** Called at once, before `enter` returns, when a place is free. */
  readonly go: () => void;
}

interface Waiting {
  readonly request: StartRequest;
  readonly seq: number;
}

/**
 * Lets a few starts through at a time (requirements R5.4): what a call waits for before what nobody waits for, then critical before high before
 * medium, then in order of arrival.
 */
export class StartGate {
  readonly #clock: Clock;
  readonly #atOnce: number;
  readonly #waiting = new Set<Waiting>();
  #taken = 0;
  #seq = 0;

  constructor(clock: Clock, atOnce: number = STARTS_AT_ONCE) {
    this.#clock = clock;
    this.#atOnce = atOnce;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  get taken(): number {
    return this.#taken;
  }

  /** Asks for a place. Dispose to leave: the queue, or the place when the start is over, however it ended. */
  enter(request: StartRequest): Disposable {
    this.#seq += 1;
    const waiting: Waiting = { request, seq: this.#seq };
    let place: Disposable | undefined;
    let isGone = false;
    const admitted: Waiting = {
      ...waiting,
      request: {
        ...request,
        go: () => {
          place = this.#take();
          request.go();
          // It may be over before it has returned.
          if (isGone) place.dispose();
        },
      },
    };
    this.#waiting.add(admitted);
    this.#admit();
    return {
      dispose: () => {
        isGone = true;
        this.#waiting.delete(admitted);
        place?.dispose();
      },
    };
  }

  #take(): Disposable {
    this.#taken += 1;
    let isTaken = true;
    const giveBack = (): void => {
      timer.dispose();
      if (!isTaken) return;
      isTaken = false;
      this.#taken -= 1;
      this.#admit();
    };
    const timer = this.#clock.setTimer(PLACE_MS, giveBack, { unref: true });
    return { dispose: giveBack };
  }

  #admit(): void {
    while (this.#taken < this.#atOnce && this.#waiting.size > 0) {
      let first: Waiting | undefined;
      for (const candidate of this.#waiting)
        if (first === undefined || isBefore(candidate, first)) first = candidate;
      if (first === undefined) return;
      this.#waiting.delete(first);
      first.request.go();
    }
  }
}

function isBefore(a: Waiting, b: Waiting): boolean {
  const awaited = Number(b.request.isAwaited()) - Number(a.request.isAwaited());
  if (awaited !== 0) return awaited < 0;
  const tiers = tierOrder(a.request.tier) - tierOrder(b.request.tier);
  return tiers === 0 ? a.seq < b.seq : tiers < 0;
}
