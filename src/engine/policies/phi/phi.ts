/** φ of a wait is shown and compared up to here; beyond it nothing differs any more. */
export const MAX_PHI = 100;

/**
 * φ = −log10 P(the wait gets longer still), for waits that are normally distributed (Hayashibara et al. 2004): 1 is one error in ten, 8 one in
 * 100 million. The normal distribution is the logistic approximation of Akka and Pekko, written so that nothing
 * overflows or is divided by zero, however far out in the tail.
 */
export function phiOf(waitedMs: number, meanMs: number, stdMs: number): number {
  const y = (waitedMs - meanMs) / stdMs;
  const x = y * (1.5976 + 0.070566 * y * y);
  // P(longer) = e^-x / (1 + e^-x), so -ln P = ln(1 + e^x) = max(x, 0) + ln(1 + e^-|x|).
  const phi = (Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))) / Math.LN10;
  return Math.min(MAX_PHI, phi);
}
