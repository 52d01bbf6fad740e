import { setImmediate as nextTurn } from 'node:timers/promises';
import { saysTheSame, isSteady, stretched, type Bucket } from './bucket.ts';
import { decodeRecord, readHead, type RecordHead, type SeriesRecord } from './bucketCodec.ts';
import { recordsOf } from './frames.ts';
import type { Reach } from './spans.ts';

type PlacedRecord = Exclude<SeriesRecord, { kind: 'presence' }>;

/** What files of one resolution say, put together. */
export interface Timeline {
  /** By server, in order of time; steady ones that follow each other are one. */
  readonly servers: ReadonlyMap<string, readonly Bucket[]>;
  /** Until when each span is told. */
  readonly spans: ReadonlyMap<number, number>;
  /** Bytes that were no records. */
  readonly damagedBytes: number;
}

/** Records that are read at once; in between calls have their turn. */
const SLICE_RECORDS = 500;

export interface ReadOptions {
  /** How far the span under way is told, where the files do not say it yet. */
  readonly reach?: Reach | undefined;
  /** Only what is asked for is read whole; all of it when absent. */
  readonly isWanted?: (head: RecordHead) => boolean;
}

/**
 * Puts the records of files together, the oldest file first. A steady bucket goes on until the server's next record, or as far as its span is
 * told; beyond that nothing is known, and nothing is made up. Takes its time, so that nobody waits for it.
 */
export async function readTimeline(
  files: readonly Buffer[],
  { reach, isWanted }: ReadOptions = {},
): Promise<Timeline> {
  const records = new Map<string, PlacedRecord[]>();
  const spans = new Map<number, number>();
  const tell = (span: number, until: number): void => {
    spans.set(span, Math.max(until, spans.get(span) ?? 0));
  };
  if (reach !== undefined) tell(reach.span, reach.until);
  let damagedBytes = 0;
  const take = (body: Buffer): void => {
    const head = readHead(body);
    if (head !== undefined) tell(head.span, head.until);
    if (head !== undefined && (head.server === undefined || isWanted?.(head) === false)) return;
    const record = head === undefined ? undefined : decodeRecord(body);
    if (record === undefined) damagedBytes += body.length;
    if (record === undefined || record.kind === 'presence') return;
    const { server } = record.kind === 'bucket' ? record.bucket : record;
    const own = records.get(server);
    if (own === undefined) records.set(server, [record]);
    else own.push(record);
  };
  let count = 0;
  for (const bytes of files) {
    const found = recordsOf(bytes);
    let next = found.next();
    for (; next.done !== true; next = found.next()) {
      take(next.value);
      count += 1;
      if (count % SLICE_RECORDS === 0) await nextTurn();
    }
    damagedBytes += next.value;
  }
  const servers = new Map([...records].map(([server, own]) => [server, putTogether(own, spans)] as const));
  return { servers, spans, damagedBytes };
}

function putTogether(records: readonly PlacedRecord[], spans: ReadonlyMap<number, number>): Bucket[] {
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
