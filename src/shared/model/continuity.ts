import * as z from 'zod/mini';

const count = z.number().check(z.gte(0));
const share = z.number().check(z.gte(0), z.lte(1));

/** The figures of requirements R11.6 by their names in snapshots; docs/continuity.md defines them. */
export const continuityFigures = ['phi', 'psi', 'sigma', 'deltaMs'] as const;
export type ContinuityFigure = (typeof continuityFigures)[number];

const spanSchema = z.object({
  /** Φ: share of the wanted time in which it could be used. Each figure is absent while there is nothing to measure it by. */
  phi: z.optional(share),
  /** Ψ: share of the long generative calls that were completed. */
  psi: z.optional(share),
  /** σ: mean similarity of what it offered before and after a reconnect. */
  sigma: z.optional(share),
  /** Δ: milliseconds a call that were lost to failures. */
  deltaMs: z.optional(count),
  /** What they were measured by: milliseconds in which it was wanted, long calls, reconnects, calls. */
  wantedMs: count,
  longCalls: count,
  reconnects: count,
  calls: count,
  /** The figures that miss their target, where there is enough to judge by. */
  missed: z.array(z.enum(continuityFigures)).check(z.maxLength(continuityFigures.length)),
});

export const continuitySchema = z.object({
  /** Since the engine's start. */
  life: spanSchema,
  /** Of the last `windowMs`. */
  recent: spanSchema,
  windowMs: count,
});
export type ContinuitySpan = z.infer<typeof spanSchema>;
export type ContinuitySnapshot = z.infer<typeof continuitySchema>;
