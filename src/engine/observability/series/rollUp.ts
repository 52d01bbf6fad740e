import { isSteady, joinBuckets, stretched, type Bucket } from './bucket.ts';
import type { Timeline } from './timeline.ts';

/** Which interval a bucket belongs to: the one that it ends in. One that ends on the full minute belongs to the minute that is over. */
export function intervalOf(until: number, intervalMs: number): number {
  return Math.ceil(until / intervalMs) - 1;
}

/** Both belong to the same bucket of a coarser resolution. */
export function isSameInterval(a: Bucket, b: Bucket, intervalMs: number): boolean {
  return a.span === b.span && intervalOf(a.from + a.ms, intervalMs) === intervalOf(b.from + b.ms, intervalMs);
}

/** The spans of which a finer resolution tells more than a coarser one, and how far. */
export function missingSpans(
  finer: ReadonlyMap<number, number>,
  coarser: ReadonlyMap<number, number>,
): ReadonlyMap<number, number> {
  return new Map([...finer].filter(([span, until]) => until > (coarser.get(span) ?? span)));
}

/**
 * What an engine that was killed had not added up: of each span the part of the finer timeline that the coarser one does not tell of (`coarser`: how far it tells).
 * Counts are conserved: what is told in the coarser one is not added again.
 */
export function missingBuckets(
  finer: Timeline,
  coarser: ReadonlyMap<number, number>,
  intervalMs: number,
): readonly Bucket[] {
  const spans = missingSpans(finer.spans, coarser);
  const buckets: Bucket[] = [];
  for (const own of finer.servers.values()) {
    let open: Bucket | undefined;
    for (const bucket of own) {
      if (!spans.has(bucket.span)) continue;
      for (const part of partsOf(bucket, coarser.get(bucket.span) ?? bucket.span, intervalMs)) {
        if (open !== undefined && isSameInterval(open, part, intervalMs)) open = joinBuckets(open, part);
        else {
          if (open !== undefined) buckets.push(open);
          open = part;
        }
      }
    }
    if (open !== undefined) buckets.push(open);
  }
  return buckets;
}

/** What of a bucket lies behind `after`; a steady one in pieces that each lie in one interval. */
function partsOf(bucket: Bucket, after: number, intervalMs: number): Bucket[] {
  const until = bucket.from + bucket.ms;
  if (until <= after) return [];
  // One in which something happened is whole: files are added up at the ends of buckets only.
  if (!isSteady(bucket)) return bucket.from >= after ? [bucket] : [];
  const parts: Bucket[] = [];
  let from = Math.max(bucket.from, after);
  while (from < until) {
    const end = Math.min(until, (Math.floor(from / intervalMs) + 1) * intervalMs);
    parts.push(stretched(bucket, from, end - from));
    from = end;
  }
  return parts;
}
