import {
  continuityFigures,
  type ContinuityFigure,
  type ContinuitySpan,
} from '../../../shared/model/continuity.ts';

/** What the figures of continuity are made of, over some span (docs/continuity.md). All of it only grows. */
export interface Amounts {
  /** Milliseconds in which the server could be used, of those in which it was wanted. */
  readonly usableMs: number;
  readonly wantedMs: number;
  /** Long generative calls that the server has answered, and those that were lost. */
  readonly longCompleted: number;
  readonly longLost: number;
  /** Reconnects after which there was something to compare, and the sum of their similarities. */
  readonly reconnects: number;
  readonly similarity: number;
  /** Calls that ended, and the milliseconds that failures cost them. */
  readonly calls: number;
  readonly lostMs: number;
}

export type Amount = keyof Amounts;
export const amounts = [
  'usableMs',
  'wantedMs',
  'longCompleted',
  'longLost',
  'reconnects',
  'similarity',
  'calls',
  'lostMs',
] as const satisfies readonly Amount[];

export const nothing: Amounts = {
  usableMs: 0,
  wantedMs: 0,
  longCompleted: 0,
  longLost: 0,
  reconnects: 0,
  similarity: 0,
  calls: 0,
  lostMs: 0,
};

/** Several servers, or several spans, as one: everything counts as often as it happened. */
export function total(all: Iterable<Amounts>): Amounts {
  const sum: Record<Amount, number> = { ...nothing };
  for (const one of all) for (const amount of amounts) sum[amount] += one[amount];
  return sum;
}

/** The figures; absent where there is nothing to measure them by: neither good nor bad. */
export type ContinuityFigures = Pick<ContinuitySpan, ContinuityFigure>;

export function figuresOf({
  usableMs,
  wantedMs,
  longCompleted,
  longLost,
  reconnects,
  similarity,
  calls,
  lostMs,
}: Amounts): ContinuityFigures {
  const longCalls = longCompleted + longLost;
  return {
    ...(wantedMs > 0 ? { phi: Math.min(1, usableMs / wantedMs) } : {}),
    ...(longCalls > 0 ? { psi: longCompleted / longCalls } : {}),
    ...(reconnects > 0 ? { sigma: Math.min(1, similarity / reconnects) } : {}),
    ...(calls > 0 ? { deltaMs: lostMs / calls } : {}),
  };
}

/** Beyond these it is degraded. */
export const continuityTargets = { phi: 0.95, psi: 0.95, sigma: 0.9, deltaMs: 500 } as const;
/** With less than this to judge by nothing is called degraded: one call, or one second, is no share. */
export const enoughToJudge = { wantedMs: 60_000, longCalls: 3, reconnects: 2, calls: 10 } as const;

/** The figures that miss their target, where there is enough to judge by. */
export function degradedFigures(of: Amounts): ContinuityFigure[] {
  const { phi = 1, psi = 1, sigma = 1, deltaMs = 0 } = figuresOf(of);
  const isEnough = {
    phi: of.wantedMs >= enoughToJudge.wantedMs,
    psi: of.longCompleted + of.longLost >= enoughToJudge.longCalls,
    sigma: of.reconnects >= enoughToJudge.reconnects,
    deltaMs: of.calls >= enoughToJudge.calls,
  };
  const isMissed = {
    phi: phi < continuityTargets.phi,
    psi: psi < continuityTargets.psi,
    sigma: sigma < continuityTargets.sigma,
    deltaMs: deltaMs > continuityTargets.deltaMs,
  };
  return continuityFigures.filter((figure) => isEnough[figure] && isMissed[figure]);
}
