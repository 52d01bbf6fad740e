import type { Resolution } from '../../../shared/protocol/historyMessages.ts';

export const SAMPLE_INTERVAL_MS = 5_000;

export interface ResolutionTraits {
  readonly name: Resolution;
  readonly intervalMs: number;
  /** How far back it tells. */
  readonly windowMs: number;
  /** A file takes records for this time. */
  readonly filePeriodMs: number;
  /** Of all its files together. */
  readonly maxBytes: number;
}

const FINE_WINDOW_MS = 600_000;
const MINUTE_WINDOW_MS = 21_600_000;
const QUARTER_WINDOW_MS = 604_800_000;
const FINE_MAX_BYTES = 8_388_608;
const MINUTE_MAX_BYTES = 16_777_216;
const QUARTER_MAX_BYTES = 16_777_216;

/** Finest first; each is made of the one before it (decision 55). */
export const resolutions: readonly [ResolutionTraits, ResolutionTraits, ResolutionTraits] = [
  {
    name: '5s',
    intervalMs: SAMPLE_INTERVAL_MS,
    windowMs: FINE_WINDOW_MS,
    filePeriodMs: FINE_WINDOW_MS,
    maxBytes: FINE_MAX_BYTES,
  },
  {
    name: '1m',
    intervalMs: 60_000,
    windowMs: MINUTE_WINDOW_MS,
    filePeriodMs: 7_200_000,
    maxBytes: MINUTE_MAX_BYTES,
  },
  {
    name: '15m',
    intervalMs: 900_000,
    windowMs: QUARTER_WINDOW_MS,
    filePeriodMs: 86_400_000,
    maxBytes: QUARTER_MAX_BYTES,
  },
];
