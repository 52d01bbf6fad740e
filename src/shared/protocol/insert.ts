import { scanMembers, splice, type ByteRange } from './frameScanner.ts';

/**
 * Puts something into a message without parsing it: everything else stays byte for byte as it was (design §2). The ranges are those of values
 * that `frameScanner` found well formed.
 */

const OPEN_BRACKET = 0x5b;
const OPEN_BRACE = 0x7b;
const isSpace = (byte: number | undefined): boolean =>
  byte === 0x20 || byte === 0x09 || byte === 0x0d || byte === 0x0a;

function isEmpty(bytes: Uint8Array, { start, end }: ByteRange): boolean {
  let at = start + 1;
  while (isSpace(bytes[at])) at += 1;
  return at === end - 1;
}

function insertLast(bytes: Uint8Array, container: ByteRange, json: string): Uint8Array {
  const at = container.end - 1;
  return splice(bytes, { start: at, end: at }, isEmpty(bytes, container) ? json : `,${json}`);
}

/** Adds an item (JSON text) to the end of an array; `undefined` when the range is none. */
export function appendItem(bytes: Uint8Array, array: ByteRange, json: string): Uint8Array | undefined {
  return bytes[array.start] === OPEN_BRACKET ? insertLast(bytes, array, json) : undefined;
}

/** Adds a member (JSON text) to an object, behind those it has: where one has that name already, the new one counts (RFC 8259 §4). */
export function addMember(
  bytes: Uint8Array,
  object: ByteRange,
  name: string,
  json: string,
): Uint8Array | undefined {
  return bytes[object.start] === OPEN_BRACE
    ? insertLast(bytes, object, `${JSON.stringify(name)}:${json}`)
    : undefined;
}

/** Where some members of an object stand, in one pass; those that are not there are absent. */
export function membersOf(
  bytes: Uint8Array,
  object: ByteRange,
  names: readonly string[],
): ReadonlyMap<string, ByteRange> {
  const found = new Map<string, ByteRange>();
  const isWellFormed = scanMembers(bytes, object, (key, value) => {
    if (names.includes(key)) found.set(key, value);
  });
  return isWellFormed ? found : new Map<string, ByteRange>();
}
