/** The only source of chance: a number in [0, 1). Tests pass a seeded one. */
export type Random = () => number;

/** The platform's generator: for jitter, never for tokens. */
export const systemRandom: Random = () => Math.random();

/** A repeatable generator for tests and fault runs (mulberry32, public domain algorithm by T. Ettinger). */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
