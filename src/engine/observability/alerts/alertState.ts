import type { AlertRule } from './rules.ts';

/** So many times raised within the time below, and it is flapping: one alert that stays until it is calm. */
const FLAPPING_RAISES = 3;
const FLAPPING_WINDOW_MS = 600_000;
/** A flapping alert is over when its measure was within bounds for this long. */
const CALM_MS = 300_000;

/**
 * - `inactive`: all is well. `pending`: beyond the threshold, not for long enough. `firing`: told.
 * - `wellSince` of a flapping one: since when its measure has been within bounds; absent while it is not.
 */
export type AlertPhase =
  | { readonly kind: 'inactive' }
  | { readonly kind: 'pending'; readonly since: number }
  | {
      readonly kind: 'firing';
      readonly since: number;
      readonly isFlapping: boolean;
      /** How often it was raised since `since`. */
      readonly count: number;
      readonly wellSince: number | undefined;
    };

export interface AlertState {
  readonly phase: AlertPhase;
  /** When it was raised, newest last; at most three, and none that is too old to count. */
  readonly raises: readonly number[];
}

export const legalAlertMoves: Readonly<Record<AlertPhase['kind'], readonly AlertPhase['kind'][]>> = {
  inactive: ['pending', 'firing'],
  pending: ['inactive', 'firing'],
  firing: ['inactive'],
};

export const untroubled: AlertState = { phase: { kind: 'inactive' }, raises: [] };

type Reading = 'beyond' | 'within' | 'between' | 'unknown';

function readingOf(rule: AlertRule, value: number | undefined): Reading {
  if (value === undefined) return 'unknown';
  const { raisedWhen, threshold, clearsAt } = rule;
  if (raisedWhen === 'above' ? value > threshold : value < threshold) return 'beyond';
  return (raisedWhen === 'above' ? value <= clearsAt : value >= clearsAt) ? 'within' : 'between';
}

/** The state after one look at the measure (`undefined`: it says nothing now, and nothing changes). Answers the same object when nothing changes. */
export function step(state: AlertState, rule: AlertRule, value: number | undefined, now: number): AlertState {
  const reading = readingOf(rule, value);
  const { phase } = state;
  switch (phase.kind) {
    case 'inactive':
      if (reading !== 'beyond') return forgetOld(state, now);
      return rule.forMs > 0 ? { ...state, phase: { kind: 'pending', since: now } } : raised(state, now);
    case 'pending':
      if (reading === 'unknown') return state;
      if (reading !== 'beyond') return { ...state, phase: { kind: 'inactive' } };
      return now - phase.since >= rule.forMs ? raised(state, now) : state;
    case 'firing':
      return fired(state, phase, reading, now);
  }
}

function raised(state: AlertState, now: number): AlertState {
  const raises = [...forgetOld(state, now).raises, now].slice(-FLAPPING_RAISES);
  const isFlapping = raises.length >= FLAPPING_RAISES;
  const since = isFlapping ? (raises[0] ?? now) : now;
  const count = isFlapping ? raises.length : 1;
  return { phase: { kind: 'firing', since, isFlapping, count, wellSince: undefined }, raises };
}

function fired(
  state: AlertState,
  phase: Extract<AlertPhase, { kind: 'firing' }>,
  reading: Reading,
  now: number,
): AlertState {
  const { isFlapping, wellSince } = phase;
  if (reading === 'beyond') {
    if (wellSince === undefined) return state;
    // Here it would have been raised once more.
    return { ...state, phase: { ...phase, count: phase.count + 1, wellSince: undefined } };
  }
  if (!isFlapping) return reading === 'within' ? { ...state, phase: { kind: 'inactive' } } : state;
  if (reading === 'within' && wellSince === undefined)
    return { ...state, phase: { ...phase, wellSince: now } };
  const isCalm = wellSince !== undefined && now - wellSince >= CALM_MS;
  return isCalm ? untroubled : state;
}

function forgetOld(state: AlertState, now: number): AlertState {
  const raises = state.raises.filter((at) => now - at < FLAPPING_WINDOW_MS);
  return raises.length === state.raises.length ? state : { ...state, raises };
}

/** When the state may change though the measure does not; `undefined`: never. */
export function nextChangeAt({ phase }: AlertState, rule: AlertRule): number | undefined {
  if (phase.kind === 'pending') return phase.since + rule.forMs;
  if (phase.kind === 'firing' && phase.wellSince !== undefined) return phase.wellSince + CALM_MS;
  return undefined;
}
