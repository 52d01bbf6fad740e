import type { ConnectionState } from '../../../shared/model/connectionState.ts';
import type { BreakerStateName } from '../../../shared/model/snapshot.ts';
import type { Bucket } from './bucket.ts';
import { MAX_CLASS } from './compactHistogram.ts';
import { frameRecord } from './frames.ts';

/** What a file of the time series says. */
export type SeriesRecord =
  | { readonly kind: 'bucket'; readonly bucket: Bucket }
  /** From here on nothing is known of a server: it is not in the settings any more. */
  | { readonly kind: 'end'; readonly server: string; readonly span: number; readonly from: number }
  /** Buckets up to here were closed: what was steady was so until then. */
  | { readonly kind: 'presence'; readonly span: number; readonly until: number };

const MAX_NAME_BYTES = 1_024;
/** Beyond it a number of a file is nonsense. */
const MAX_BUCKET_MS = 86_400_000;
const MAX_SPAN_MS = 31_536_000_000;
const MAX_TIME = 8_640_000_000_000_000;
const MAX_COUNT = 1_000_000_000_000;

/** Numbers of the file format: a state may get a new one, never another one's. */
const stateCodes: Readonly<Record<ConnectionState, number>> = {
  idle: 0,
  connecting: 1,
  initializing: 2,
  probing: 3,
  ready: 4,
  suspect: 5,
  broken: 6,
  recovering: 7,
  crashLoop: 8,
  needsSignIn: 9,
  isolated: 10,
  stopped: 11,
};
const breakerCodes: Readonly<Record<BreakerStateName, number>> = {
  closed: 0,
  open: 1,
  halfOpen: 2,
  isolated: 3,
};
const recordCodes = { bucket: 1, end: 2, presence: 3 } as const;
const states = byCode(stateCodes);
const breakers = byCode(breakerCodes);

function byCode<T extends string>(codes: Readonly<Record<T, number>>): ReadonlyMap<number, T> {
  return new Map(Object.entries<number>(codes).map(([name, code]) => [code, name as T]));
}

/** The record with its frame. */
export function encodeRecord(record: SeriesRecord): Buffer {
  const bytes: number[] = [recordCodes[record.kind]];
  if (record.kind === 'presence') {
    put(bytes, record.span, record.until - record.span);
    return frameRecord(Uint8Array.from(bytes));
  }
  const { span, from, server } = record.kind === 'bucket' ? record.bucket : record;
  put(bytes, span, from - span);
  const name = Buffer.from(server.slice(0, MAX_NAME_BYTES / 4));
  put(bytes, name.length);
  bytes.push(...name);
  if (record.kind === 'end') return frameRecord(Uint8Array.from(bytes));
  const { bucket } = record;
  put(bytes, stateCodes[bucket.last], stateCodes[bucket.worst], breakerCodes[bucket.breaker]);
  put(bytes, bucket.ms, bucket.usableMs, bucket.downMs, bucket.calls, bucket.failures);
  put(bytes, bucket.retries, bucket.restarts, bucket.queued, Math.round(bucket.maxMs * 1_000));
  let before = -1;
  for (const [index, count] of bucket.latencies) {
    put(bytes, index - before - 1, count);
    before = index;
  }
  return frameRecord(Uint8Array.from(bytes));
}

/** As many bits as it needs, seven in a byte (LEB128). */
function put(bytes: number[], ...values: number[]): void {
  for (const value of values) {
    let rest = Math.max(0, Math.round(value));
    while (rest >= 0x80) {
      bytes.push((rest % 0x80) + 0x80);
      rest = Math.floor(rest / 0x80);
    }
    bytes.push(rest);
  }
}

/** Thrown inside only. */
class Nonsense extends Error {}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  number(max: number): number {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined || scale > 2 ** 49) throw new Nonsense();
      this.#at += 1;
      value += (byte % 0x80) * scale;
      if (byte < 0x80) break;
    }
    if (value > max) throw new Nonsense();
    return value;
  }

  text(maxBytes: number): string {
    const length = this.number(maxBytes);
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new Nonsense();
    const text = this.#bytes.toString('utf8', this.#at, end);
    this.#at = end;
    return text;
  }

  known<T>(names: ReadonlyMap<number, T>): T {
    const name = names.get(this.number(255));
    if (name === undefined) throw new Nonsense();
    return name;
  }
}

/** What can be read of a record without reading all of it. */
export interface RecordHead {
  readonly span: number;
  /** Until when the span is told by it. */
  readonly until: number;
  /** Absent of presence. */
  readonly server: string | undefined;
}

/** The beginning of a record; `undefined` when it is none of ours. Costs a fraction of all of it. */
export function readHead(body: Buffer): RecordHead | undefined {
  try {
    const reader = new Reader(body);
    const code = reader.number(255);
    const span = reader.number(MAX_TIME);
    const from = span + reader.number(MAX_SPAN_MS);
    if (code === recordCodes.presence) return { span, until: from, server: undefined };
    const server = reader.text(MAX_NAME_BYTES);
    if (code === recordCodes.end) return { span, until: span, server };
    for (let skipped = 0; skipped < 3; skipped += 1) reader.number(255);
    return { span, until: from + reader.number(MAX_BUCKET_MS), server };
  } catch (error) {
    if (error instanceof Nonsense) return undefined;
    throw error;
  }
}

/** What a body says; `undefined` when it is none of ours, whatever its checksum says. */
export function decodeRecord(body: Buffer): SeriesRecord | undefined {
  try {
    return decode(new Reader(body));
  } catch (error) {
    if (error instanceof Nonsense) return undefined;
    throw error;
  }
}

function decode(reader: Reader): SeriesRecord {
  const code = reader.number(255);
  const span = reader.number(MAX_TIME);
  const from = span + reader.number(MAX_SPAN_MS);
  if (code === recordCodes.presence) return { kind: 'presence', span, until: from };
  const server = reader.text(MAX_NAME_BYTES);
  if (code === recordCodes.end) return { kind: 'end', server, span, from };
  if (code !== recordCodes.bucket) throw new Nonsense();
  const head = {
    last: reader.known(states),
    worst: reader.known(states),
    breaker: reader.known(breakers),
    ms: reader.number(MAX_BUCKET_MS),
  };
  const bucket = {
    server,
    span,
    from,
    ...head,
    usableMs: reader.number(head.ms),
    downMs: reader.number(head.ms),
    calls: reader.number(MAX_COUNT),
    failures: reader.number(MAX_COUNT),
    retries: reader.number(MAX_COUNT),
    restarts: reader.number(MAX_COUNT),
    queued: reader.number(MAX_COUNT),
    maxMs: reader.number(MAX_COUNT) / 1_000,
  };
  const latencies = new Map<number, number>();
  let index = -1;
  while (!reader.isAtEnd) {
    index += reader.number(MAX_CLASS) + 1;
    if (index > MAX_CLASS) throw new Nonsense();
    latencies.set(index, reader.number(MAX_COUNT));
  }
  return { kind: 'bucket', bucket: { ...bucket, latencies } };
}
