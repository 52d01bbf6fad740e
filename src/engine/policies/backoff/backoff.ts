import type { Random } from '../../../shared/base/random.ts';
import type { ConnectionSettings } from '../../../shared/settings/connectionSettings.ts';

export interface BackoffOptions {
  readonly baseMs: number;
  readonly maxMs: number;
  /** 0.1 spreads each delay evenly over ±10 %. */
  readonly jitterRatio: number;
}

/** The backoff as the settings have it. */
export function backoffOptions(settings: ConnectionSettings): BackoffOptions {
  return {
    baseMs: settings.retryBackoffBase * 1_000,
    maxMs: settings.retryBackoffMax * 1_000,
    jitterRatio: settings.retryBackoffJitter / 100,
  };
}

/**
 * The wait before attempt number `failures` + 1: nothing after the first failure (a crashed process is started
 * again at once), then base, 2·base, 4·base … up to the maximum, each spread by the jitter.
 */
export function backoffDelayMs(failures: number, options: BackoffOptions, random: Random): number {
  if (failures <= 1) return 0;
  const delay = Math.min(options.maxMs, options.baseMs * 2 ** Math.min(failures - 2, 52));
  const spread = 1 + (random() * 2 - 1) * options.jitterRatio;
  return Math.min(options.maxMs, delay * spread);
}

/**
 * The wait of one of several servers that failed together, after a wait of `previousMs`: anything between the base and three times the
 * previous one, up to the maximum ("decorrelated jitter", M. Brooker, AWS Architecture Blog, 2015). Spreads a herd over the whole
 * range instead of over a tenth of it.
 */
export function decorrelatedDelayMs(previousMs: number, options: BackoffOptions, random: Random): number {
  const { baseMs, maxMs } = options;
  const upToMs = Math.max(baseMs, previousMs * 3);
  return Math.min(maxMs, baseMs + random() * (upToMs - baseMs));
}

/** When plain backoff makes its first attempt after `elapsedMs`, counted from the failure; without jitter. */
export function nextPlainAttemptMs(elapsedMs: number, { baseMs, maxMs }: BackoffOptions): number {
  let at = 0;
  let stepMs = Math.min(baseMs, maxMs);
  while (at <= elapsedMs && stepMs < maxMs) {
    at += stepMs;
    stepMs = Math.min(maxMs, stepMs * 2);
  }
  return at > elapsedMs ? at : at + (Math.floor((elapsedMs - at) / maxMs) + 1) * maxMs;
}
