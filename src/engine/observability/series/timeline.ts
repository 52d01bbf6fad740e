import { saysTheSame, isSteady, stretched, type Bucket } from './bucket.ts';
import { decodeRecord, type SeriesRecord } from './bucketCodec.ts';
import { readRecords } from './frames.ts';
import type { Reach } from './spans.ts';

/** What files of one resolution say, put together. */
export interface Timeline {
  /** By server, in order of time; steady ones that follow each other are one. */
  readonly servers: ReadonlyMap<string, readonly Bucket[]>;
  /** Until when each span is told. */
  readonly spans: ReadonlyMap<number, number>;
  /** Bytes that were no records. */
  readonly damagedBytes: number;
}

/**
 * Puts the records of files together, the oldest file first. A steady bucket goes on until the server's next record, or as far as its span is
 * told; beyond that nothing is known, and nothing is made up. `reach`: how far the span under way is told, where the files do not say it yet.
 */
export function readTimeline(files: readonly Buffer[], reach?: Reach): Timeline {
  const records = new Map<string, Exclude<SeriesRecord, { kind: 'presence' }>[]>();
  const spans = new Map<number, number>();
  const tell = (span: number, until: number): void => {
    spans.set(span, Math.max(until, spans.get(span) ?? 0));
  };
  if (reach !== undefined) tell(reach.span, reach.until);
  let damagedBytes = 0;
  const take = (body: Buffer): void => {
    const record = decodeRecord(body);
    if (record === undefined) {
      damagedBytes += body.length;
      return;
    }
    if (record.kind === 'presence') {
      tell(record.span, record.until);
      return;
    }
    if (record.kind === 'bucket') tell(record.bucket.span, record.bucket.from + record.bucket.ms);
    const { server } = record.kind === 'bucket' ? record.bucket : record;
    const own = records.get(server);
    if (own === undefined) records.set(server, [record]);
    else own.push(record);
  };
  for (const bytes of files) damagedBytes += readRecords(bytes, take);
  const servers = new Map([...records].map(([server, own]) => [server, putTogether(own, spans)] as const));
  return { servers, spans, damagedBytes };
}

function putTogether(
  records: readonly Exclude<SeriesRecord, { kind: 'presence' }>[],
  spans: ReadonlyMap<number, number>,
): Bucket[] {
  const all: Bucket[] = [];
  records.forEach((record, index) => {
    if (record.kind === 'end') return;
    let { bucket } = record;
    if (isSteady(bucket)) {
      const next = records[index + 1];
      const place = next?.kind === 'bucket' ? next.bucket : next;
      const until = place?.span === bucket.span ? place.from : (spans.get(bucket.span) ?? 0);
      if (until > bucket.from + bucket.ms) bucket = stretched(bucket, bucket.from, until - bucket.from);
    }
    addBucket(all, bucket);
  });
  return all.sort((a, b) => a.from - b.from);
}

/** Adds one to what is known; a steady one that follows another that says the same makes that longer. */
export function addBucket(all: Bucket[], bucket: Bucket): void {
  const before = all.at(-1);
  // Told once more at the beginning of a file, or not closed yet.
  if (before !== undefined && before.from + before.ms === bucket.from && saysTheSame(before, bucket))
    all[all.length - 1] = stretched(before, before.from, before.ms + bucket.ms);
  else all.push(bucket);
}
