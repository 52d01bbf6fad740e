import type { Call, Outcome } from './call.ts';

export type Next = (call: Call) => Promise<Outcome>;

/** One policy around a call. Never rejects: what goes wrong is a `fault` outcome. */
export type Stage = (call: Call, next: Next) => Promise<Outcome>;

/** Puts the stages around `last`, outermost first. A stage that is not configured is left out, and so costs nothing. */
export function compose(stages: readonly (Stage | undefined)[], last: Next): Next {
  return stages
    .filter((stage): stage is Stage => stage !== undefined)
    .reduceRight<Next>((next, stage) => (call) => stage(call, next), last);
}
