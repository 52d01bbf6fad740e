/**
 * Reads of a JSON-RPC message only what routing needs — id, method, kind — and where the id stands, so that calls
 * travel as bytes and an id can be replaced without parsing the body (design §2). Checks the structure outside
 * strings (brackets balanced, nothing that is not JSON such as `NaN`), not the contents of strings.
 *
 * Duplicate members: the last one counts, as in `JSON.parse`. Source: JSON-RPC 2.0 §4–5, RFC 8259.
 */

import { copyOf } from '../base/copyOf.ts';
import { skipSpace, stringEnd, valueEnd } from './jsonCheck.ts';

export interface ByteRange {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

export type Frame =
  | {
      readonly kind: 'request';
      readonly method: string;
      readonly id: string;
      readonly idRange: ByteRange;
      readonly params: ByteRange | undefined;
    }
  | { readonly kind: 'notification'; readonly method: string; readonly params: ByteRange | undefined }
  | {
      readonly kind: 'response';
      /** Canonical JSON text of the id; `null` for an error about a request that could not be read. */
      readonly id: string;
      readonly idRange: ByteRange;
      readonly isError: boolean;
    }
  | { readonly kind: 'batch' }
  /**
   * The ids (canonical JSON text) are there when the members could be told apart and only a value is not JSON: `id` of an answer,
   * `requestId` of a request.
   */
  | { readonly kind: 'invalid'; readonly id?: string; readonly requestId?: string };

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COLON = 0x3a;
const COMMA = 0x2c;

/** What a byte means outside strings: nothing by itself, or one of the marks below. */
const PLAIN = 0;
const MARK_QUOTE = 1;
const MARK_OPEN_BRACE = 2;
const MARK_CLOSE_BRACE = 3;
const MARK_OPEN_BRACKET = 4;
const MARK_CLOSE_BRACKET = 5;
/** It cannot stand in a JSON value outside strings. */
const MARK_ILLEGAL = 6;
const markOf = new Uint8Array(256).fill(MARK_ILLEGAL);
// Punctuation, numbers, white space, letters of true/false/null.
for (const char of ',: \t\r\n0123456789+-.eEtrufalsn') markOf[char.charCodeAt(0)] = PLAIN;
markOf[QUOTE] = MARK_QUOTE;
markOf[OPEN_BRACE] = MARK_OPEN_BRACE;
markOf[CLOSE_BRACE] = MARK_CLOSE_BRACE;
markOf[OPEN_BRACKET] = MARK_OPEN_BRACKET;
markOf[CLOSE_BRACKET] = MARK_CLOSE_BRACKET;

/** After so many plain bytes in a string the platform looks for its end; calling it costs more than so many bytes. */
const SHORT_BYTES = 32;

/**
 * `start` is on the opening quote; answers the index behind the closing one, or -1. A backslash and what follows it belong together, whatever it is;
 * everything else stands for itself.
 */
function skipString(bytes: Uint8Array, start: number, end: number): number {
  let at = start + 1;
  let plainFrom = at;
  while (at < end) {
    const byte = bytes[at];
    if (byte === QUOTE) return at + 1;
    if (byte === BACKSLASH) {
      at += 2;
      plainFrom = at;
      continue;
    }
    at += 1;
    if (at - plainFrom < SHORT_BYTES) continue;
    const quote = bytes.indexOf(QUOTE, at);
    if (quote < 0 || quote >= end) return -1;
    let slashes = 0;
    while (quote - 1 - slashes >= at && bytes[quote - 1 - slashes] === BACKSLASH) slashes += 1;
    if (slashes % 2 === 0) return quote + 1;
    at = quote + 1;
    plainFrom = at;
  }
  return -1;
}

/** Parsers of clients and servers recurse; nothing that is meant to be read is nested deeper. */
const MAX_DEPTH = 1_000;

/** Whether everything seen since the start of a scan was JSON; what is not is passed over, so that the id can still be told. */
let isContentLegal = true;
const wasContentLegal = (): boolean => isContentLegal;

/** Answers the index behind the value that starts at `at`, or -1 when it is not well formed. Never recurses. */
function skipValue(bytes: Uint8Array, at: number, end: number): number {
  const first = bytes[at];
  if (first === QUOTE) return skipString(bytes, at, end);
  if (first !== OPEN_BRACE && first !== OPEN_BRACKET) return skipScalar(bytes, at, end);
  // Brackets are counted apart: mixing them up is caught for the whole, not at each level.
  let braces = 0;
  let brackets = 0;
  let index = at;
  while (index < end) {
    const mark = markOf[bytes[index] ?? 0];
    if (mark === PLAIN) {
      index += 1;
      continue;
    }
    if (mark === MARK_QUOTE) {
      index = skipString(bytes, index, end);
      if (index < 0) return -1;
      continue;
    }
    if (mark === MARK_ILLEGAL) isContentLegal = false;
    else if (mark === MARK_OPEN_BRACE) braces += 1;
    else if (mark === MARK_OPEN_BRACKET) brackets += 1;
    else if (mark === MARK_CLOSE_BRACE) braces -= 1;
    else brackets -= 1;
    if (braces < 0 || brackets < 0) return -1;
    if (braces + brackets > MAX_DEPTH) isContentLegal = false;
    index += 1;
    if (braces === 0 && brackets === 0) return index;
  }
  return -1;
}

function skipScalar(bytes: Uint8Array, at: number, end: number): number {
  let index = at;
  while (index < end) {
    const byte = bytes[index] ?? 0;
    if (byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET) break;
    if (byte === 0x20 || byte === 0x09 || byte === 0x0d || byte === 0x0a) break;
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET || byte === COLON) return -1;
    if (markOf[byte] !== PLAIN) isContentLegal = false;
    index += 1;
  }
  return index === at ? -1 : index;
}

const decoder = new TextDecoder();

/** The text of a byte range. */
export function textOf(bytes: Uint8Array, range: ByteRange): string {
  return decoder.decode(bytes.subarray(range.start, range.end));
}

/** Texts that come again and again, such as methods and names of tools, are not made anew each time. */
const KNOWN_SIZE = 512;
const MAX_KNOWN_BYTES = 64;
const knownTexts: { readonly bytes: Uint8Array; readonly text: string }[] = [];

/** The text of a range that holds printable ASCII without a backslash; `undefined` when it holds something else, or is long. */
function plainText(bytes: Uint8Array, start: number, end: number): string | undefined {
  const length = end - start;
  if (length > MAX_KNOWN_BYTES) return undefined;
  let hash = length;
  for (let index = start; index < end; index += 1) {
    const byte = bytes[index] ?? 0;
    if (byte < 0x20 || byte > 0x7e || byte === BACKSLASH) return undefined;
    hash = (Math.imul(hash, 31) + byte) | 0;
  }
  const slot = (hash ^ (hash >>> 15)) & (KNOWN_SIZE - 1);
  const known = knownTexts[slot];
  if (known?.bytes.length === length && isSame(bytes, start, known.bytes)) return known.text;
  const own = copyOf(bytes.subarray(start, end));
  const text = String.fromCharCode(...own);
  knownTexts[slot] = { bytes: own, text };
  return text;
}

/** Whether `wanted` stands at `start`. */
function isSame(bytes: Uint8Array, start: number, wanted: Uint8Array): boolean {
  for (let index = 0; index < wanted.length; index += 1) {
    if (bytes[start + index] !== wanted[index]) return false;
  }
  return true;
}

/** The value of a string; `start` is on its opening quote. `undefined` when it is not JSON. */
function stringValue(bytes: Uint8Array, start: number, end: number): string | undefined {
  const plain = plainText(bytes, start + 1, end - 1);
  if (plain !== undefined) return plain;
  try {
    return JSON.parse(textOf(bytes, { start, end })) as string;
  } catch {
    return undefined; // a broken escape
  }
}

/** A key as `visit` gets it. One with a broken escape has none: no member that we look for is called that. */
function readKey(bytes: Uint8Array, start: number, end: number): string | undefined {
  const plain = plainText(bytes, start + 1, end - 1);
  if (plain !== undefined) return plain;
  const raw = textOf(bytes, { start, end });
  return raw.includes('\\') ? stringValue(bytes, start, end) : raw.slice(1, -1);
}

/**
 * Finds where the values of some members of an object stand. `range` covers the object, white space around it
 * allowed. Answers `undefined` when it is not a well-formed object.
 */
export function scanMembers(
  bytes: Uint8Array,
  range: ByteRange,
  visit: (key: string, value: ByteRange) => void,
): boolean {
  return scanKeys(bytes, range, (keyStart, keyEnd, start, end) => {
    const key = readKey(bytes, keyStart, keyEnd);
    if (key !== undefined) visit(key, { start, end });
  });
}

/** The same with places only: of the key, with its quotes, and of the value. `isStrict`: everything in it must be JSON. */
function scanKeys(
  bytes: Uint8Array,
  range: ByteRange,
  visit: (keyStart: number, keyEnd: number, start: number, end: number) => void,
  isStrict = false,
): boolean {
  const { end } = range;
  let at = skipSpace(bytes, range.start, end);
  if (bytes[at] !== OPEN_BRACE) return false;
  at = skipSpace(bytes, at + 1, end);
  if (bytes[at] === CLOSE_BRACE) return skipSpace(bytes, at + 1, end) === end;
  for (;;) {
    if (bytes[at] !== QUOTE) return false;
    const keyStart = at;
    const keyEnd = isStrict ? stringEnd(bytes, at, end) : skipString(bytes, at, end);
    if (keyEnd < 0) return false;
    at = skipSpace(bytes, keyEnd, end);
    if (bytes[at] !== COLON) return false;
    const start = skipSpace(bytes, at + 1, end);
    const behind = isStrict ? valueEnd(bytes, start, end) : skipValue(bytes, start, end);
    if (behind < 0) return false;
    visit(keyStart, keyEnd, start, behind);
    at = skipSpace(bytes, behind, end);
    if (bytes[at] === CLOSE_BRACE) return skipSpace(bytes, at + 1, end) === end;
    if (bytes[at] !== COMMA) return false;
    at = skipSpace(bytes, at + 1, end);
  }
}

/** The value of a string that stands in a range; `undefined` when there is none, or something else. */
export function parseString(bytes: Uint8Array, range: ByteRange | undefined): string | undefined {
  return range === undefined || bytes[range.start] !== QUOTE
    ? undefined
    : stringValue(bytes, range.start, range.end);
}

/** The text value of a top-level member of an object within a message, e.g. `name` of a tool call's params. */
export function stringMember(bytes: Uint8Array, range: ByteRange, name: string): string | undefined {
  return parseString(bytes, memberRange(bytes, range, name));
}

/** Where a member's value stands within an object of a message. */
export function memberRange(bytes: Uint8Array, range: ByteRange, name: string): ByteRange | undefined {
  return findMembers(bytes, range, [name])[0];
}

/** Where the values of several members of an object stand, in the order of `names`, in one pass. None when it is not well formed. */
export function findMembers(
  bytes: Uint8Array,
  range: ByteRange,
  names: readonly string[],
): readonly (ByteRange | undefined)[] {
  const found: (ByteRange | undefined)[] = [];
  const wellFormed = scanKeys(bytes, range, (keyStart, keyEnd, start, end) => {
    const key = readKey(bytes, keyStart, keyEnd);
    const index = key === undefined ? -1 : names.indexOf(key);
    if (index >= 0) found[index] = { start, end };
  });
  return wellFormed ? found : [];
}

const MAX_ID_BYTES = 4_096;
/** An id that JSON-RPC allows: a string, or a number. */
const idPattern = /^(?:-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|"(?:[^"\\]|\\.)*")$/s;

const plainIdPattern = /^(?:-?(?:0|[1-9]\d{0,14})|"[^"\\]*")$/;

/**
 * One spelling per id, so that `"\u00e9"` and `"é"`, or `1` and `1.0`, match: peers may echo an id in another one.
 * `id` is JSON text; what is not JSON comes back as it is.
 */
export function canonicalId(id: string): string {
  if (plainIdPattern.test(id)) return id;
  try {
    return JSON.stringify(JSON.parse(id));
  } catch {
    return id;
  }
}

/** A whole number without sign, as most clients count; longer ones lose digits. */
const MAX_COUNTED_DIGITS = 15;

/** Canonical JSON text of the id. */
function readId(bytes: Uint8Array, { start, end }: ByteRange): string {
  if (end - start > MAX_COUNTED_DIGITS) return canonicalId(textOf(bytes, { start, end }));
  let number = 0;
  for (let index = start; index < end; index += 1) {
    const digit = (bytes[index] ?? 0) - 0x30;
    const leadsWithZero = digit === 0 && index === start && end - start > 1;
    if (digit < 0 || digit > 9 || leadsWithZero) return canonicalId(textOf(bytes, { start, end }));
    number = number * 10 + digit;
  }
  return String(number);
}

/** Where the members stand that tell what a message is. */
class Routing {
  id: ByteRange | undefined;
  method: ByteRange | undefined;
  params: ByteRange | undefined;
  hasResult = false;
  hasError = false;

  note(key: string | undefined, start: number, end: number): void {
    if (key === 'id') this.id = { start, end };
    else if (key === 'method') this.method = { start, end };
    else if (key === 'params') this.params = { start, end };
    else if (key === 'result') this.hasResult = true;
    else if (key === 'error') this.hasError = true;
  }
}

/**
 * Reads one message and makes sure that it is JSON, in one pass. When it is not, what is known of it is all the same: `isJson` is false, and the frame is that of
 * `scanFrame`.
 */
export function scanWhole(bytes: Uint8Array): { readonly frame: Frame; readonly isJson: boolean } {
  isContentLegal = true;
  const found = new Routing();
  const isObject = scanKeys(
    bytes,
    { start: 0, end: bytes.length },
    (keyStart, keyEnd, start, end) => found.note(readKey(bytes, keyStart, keyEnd), start, end),
    true,
  );
  // Also what is JSON, but no object, or nested too deep.
  return isObject
    ? { frame: frameOf(bytes, found), isJson: true }
    : { frame: scanFrame(bytes), isJson: false };
}

/** Reads one message (one line, without its line end). Never throws. */
export function scanFrame(bytes: Uint8Array): Frame {
  isContentLegal = true;
  const whole = { start: 0, end: bytes.length };
  const first = skipSpace(bytes, 0, bytes.length);
  if (bytes[first] === OPEN_BRACKET) {
    const end = skipValue(bytes, first, bytes.length);
    const isWhole = end > 0 && skipSpace(bytes, end, bytes.length) === bytes.length;
    return { kind: isWhole && wasContentLegal() ? 'batch' : 'invalid' };
  }
  const found = new Routing();
  const wellFormed = scanKeys(bytes, whole, (keyStart, keyEnd, start, end) =>
    found.note(readKey(bytes, keyStart, keyEnd), start, end),
  );
  return wellFormed ? frameOf(bytes, found) : { kind: 'invalid' };
}

/** What the members make of a message. */
function frameOf(bytes: Uint8Array, found: Routing): Frame {
  const { id: idRange, method: methodRange, params, hasResult, hasError: isError } = found;
  // Longer ones are nobody's, and regular expressions recurse over them.
  if (idRange !== undefined && idRange.end - idRange.start > MAX_ID_BYTES) return { kind: 'invalid' };
  const id = idRange === undefined ? undefined : readId(bytes, idRange);
  if (!wasContentLegal()) {
    if (id === undefined || !idPattern.test(id)) return { kind: 'invalid' };
    return methodRange === undefined ? { kind: 'invalid', id } : { kind: 'invalid', requestId: id };
  }
  if (methodRange !== undefined) {
    const method = parseString(bytes, methodRange);
    if (method === undefined) return { kind: 'invalid' };
    if (id === undefined || idRange === undefined) return { kind: 'notification', method, params };
    return idPattern.test(id) ? { kind: 'request', method, id, idRange, params } : { kind: 'invalid' };
  }
  if ((isError || hasResult) && id !== undefined && idRange !== undefined) {
    if (idPattern.test(id) || (isError && id === 'null')) return { kind: 'response', id, idRange, isError };
  }
  return { kind: 'invalid' };
}

/** The message with another id (JSON text) in its place; everything else byte for byte the same. */
export function withId(bytes: Uint8Array, idRange: ByteRange, id: string): Uint8Array {
  return splice(bytes, idRange, id);
}

/** The bytes with `range` replaced by `text`. */
export function splice(bytes: Uint8Array, range: ByteRange, text: string): Uint8Array {
  const insert = new TextEncoder().encode(text);
  const result = new Uint8Array(bytes.length - (range.end - range.start) + insert.length);
  result.set(bytes.subarray(0, range.start), 0);
  result.set(insert, range.start);
  result.set(bytes.subarray(range.end), range.start + insert.length);
  return result;
}
