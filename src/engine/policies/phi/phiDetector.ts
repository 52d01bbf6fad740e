import type { Clock } from '../../../shared/base/clock.ts';
import { phiOf } from './phi.ts';

export interface PhiOptions {
  /** From here on the silence is suspect; 8 as in Cassandra and Pekko. */
  readonly threshold: number;
  /** A server that always answers at once may still once be late. */
  readonly minStdMs: number;
  /** What garbage collection, a busy machine or a network may take without any meaning. */
  readonly acceptablePauseMs: number;
  /** Beats that are remembered, in the weight of a mean: an older one counts less and less. */
  readonly samples: number;
}

const PHI_THRESHOLD = 8;
/** Pause and deviation are the pair that convicted nobody wrongly in the measured runs (reference §7, beats of 30 s). */
const MIN_STD_MS = 500;
const ACCEPTABLE_PAUSE_MS = 3_000;
/** As Cassandra and Pekko. */
const PHI_SAMPLES = 1_000;

export const phiDefaults: PhiOptions = {
  threshold: PHI_THRESHOLD,
  minStdMs: MIN_STD_MS,
  acceptablePauseMs: ACCEPTABLE_PAUSE_MS,
  samples: PHI_SAMPLES,
};

/**
 * How suspect the silence of one server is: a φ-accrual failure detector (Hayashibara et al. 2004). A server owes a beat only once it was asked for one,
 * so what is learnt is how long a beat takes that is due, not how far apart beats are: the same numbers hold for a probe after 5 s, after 30 s
 * or after 10 min, and a burst of answers teaches nothing about the silence after it. Every message is a beat.
 * Constant time and space.
 */
export class PhiDetector {
  readonly #clock: Clock;
  readonly #options: PhiOptions;
  /** Monotonic milliseconds since when a beat is due. */
  #dueSince: number | undefined;
  #isForgiven = false;
  #count = 0;
  #meanMs = 0;
  #variance = 0;

  constructor(clock: Clock, options: PhiOptions = phiDefaults) {
    this.#clock = clock;
    this.#options = options;
  }

  /** Milliseconds that a beat takes on average. */
  get meanMs(): number {
    return this.#meanMs;
  }

  get isExpecting(): boolean {
    return this.#dueSince !== undefined;
  }

  /** From now on a beat is due; nothing changes when one is due already. */
  expect(): void {
    if (this.#dueSince !== undefined) return;
    this.#dueSince = this.#clock.now();
    this.#isForgiven = false;
  }

  /** A message of the server came, `at` (now, unless told otherwise). How long a beat took that was taken for a failure, or forgiven, teaches nothing. */
  heard(at = this.#clock.now()): void {
    if (this.#dueSince === undefined) return;
    const tookMs = Math.max(0, at - this.#dueSince);
    if (!this.#isForgiven && this.#phiAfter(tookMs) < this.#options.threshold) this.#learn(tookMs);
    this.#dueSince = undefined;
  }

  /** The time up to now is nobody's silence: we, or the machine, stood still. A beat that is due is due from now on. */
  forgive(): void {
    if (this.#dueSince === undefined) return;
    this.#dueSince = this.#clock.now();
    this.#isForgiven = true;
  }

  /** No beat is due any more. */
  release(): void {
    this.#dueSince = undefined;
  }

  /** 0 while no beat is due; at most `MAX_PHI`. */
  get phi(): number {
    return this.#dueSince === undefined ? 0 : this.#phiAfter(this.#clock.now() - this.#dueSince);
  }

  get isSuspect(): boolean {
    return this.phi >= this.#options.threshold;
  }

  #phiAfter(waitedMs: number): number {
    const { minStdMs, acceptablePauseMs } = this.#options;
    const stdMs = Math.max(minStdMs, Math.sqrt(this.#variance));
    return phiOf(waitedMs, this.#meanMs + acceptablePauseMs, stdMs);
  }

  #learn(tookMs: number): void {
    this.#count = Math.min(this.#count + 1, this.#options.samples);
    const weight = 1 / this.#count;
    const difference = tookMs - this.#meanMs;
    this.#meanMs += weight * difference;
    this.#variance = (1 - weight) * (this.#variance + weight * difference * difference);
  }
}
