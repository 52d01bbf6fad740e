import { crc32 } from 'node:zlib';

/** Longest body of a record. */
export const MAX_RECORD_BYTES = 8_192;
/** Magic (2), length (2) and checksum (4) stand before each body. */
const HEAD_BYTES = 8;
const MAGIC = Buffer.from([0x4c, 0xa7]);
/** Of a file that is full of what looks like records no more than this is checked in vain. */
const MAX_VAIN_BYTES = 67_108_864;

/** A record as it stands in a file: whatever stands before or after it, it can be found and checked by itself. */
export function frameRecord(body: Uint8Array): Buffer {
  if (body.length > MAX_RECORD_BYTES) throw new RangeError('the record is too long');
  const framed = Buffer.allocUnsafe(HEAD_BYTES + body.length);
  MAGIC.copy(framed);
  framed.writeUInt16LE(body.length, 2);
  framed.writeUInt32LE(crc32(body), 4);
  framed.set(body, HEAD_BYTES);
  return framed;
}

/**
 * Reads the records out of the bytes of a file. What is torn, overwritten or none of ours costs itself only: the next whole record is looked
 * for behind it. Answers how many bytes were passed over. The bodies are views, not copies.
 */
export function* recordsOf(bytes: Buffer): Generator<Buffer, number> {
  let at = 0;
  let passedOver = 0;
  let inVain = 0;
  while (at < bytes.length) {
    const start = bytes.indexOf(MAGIC, at);
    if (start < 0 || inVain > MAX_VAIN_BYTES) break;
    passedOver += start - at;
    const length = start + HEAD_BYTES <= bytes.length ? bytes.readUInt16LE(start + 2) : Infinity;
    const end = start + HEAD_BYTES + length;
    if (length <= MAX_RECORD_BYTES && end <= bytes.length) {
      const body = bytes.subarray(start + HEAD_BYTES, end);
      if (crc32(body) === bytes.readUInt32LE(start + 4)) {
        yield body;
        at = end;
        continue;
      }
      inVain += length;
    }
    // What follows may be a whole record, also where this one's length says otherwise.
    at = start + 1;
    passedOver += 1;
  }
  return passedOver + bytes.length - Math.min(at, bytes.length);
}

/** The same for what is done at once. */
export function readRecords(bytes: Buffer, each: (body: Buffer) => void): number {
  const records = recordsOf(bytes);
  for (;;) {
    const next = records.next();
    if (next.done === true) return next.value;
    each(next.value);
  }
}
