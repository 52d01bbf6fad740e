/**
 * Half of the engine's young generation at most, in MB (V8's `--max-semi-space-size`): by itself V8 lets it grow to 64, which is never given
 * back under load. 16 costs nothing that can be measured, 8 a twelfth of the CPU time (docs/benchmarks.md, decision 45).
 */
export const MAX_SEMI_SPACE_MB = 16;

/** For Node, in front of the engine's program. */
export const engineNodeFlags: readonly string[] = [`--max-semi-space-size=${MAX_SEMI_SPACE_MB}`];
