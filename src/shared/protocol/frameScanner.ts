/**
 * Reads of a JSON-RPC message only what routing needs — id, method, kind — and where the id stands, so that calls
 * travel as bytes and an id can be replaced without parsing the body (design §2). Checks the structure outside
 * strings (brackets balanced, nothing that is not JSON such as `NaN`), not the contents of strings.
 *
 * Duplicate members: the last one counts, as in `JSON.parse`. Source: JSON-RPC 2.0 §4–5, RFC 8259.
 */

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

/** Bytes that may stand outside strings in a JSON value: punctuation, numbers, white space, letters of true/false/null. */
const allowedOutsideStrings = new Uint8Array(256);
for (const char of '{}[],: \t\r\n0123456789+-.eEtrufalsn') allowedOutsideStrings[char.charCodeAt(0)] = 1;

const isSpace = (byte: number | undefined): boolean =>
  byte === 0x20 || byte === 0x09 || byte === 0x0d || byte === 0x0a;

function skipSpace(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && isSpace(bytes[at])) at += 1;
  return at;
}

/** `at` is on the opening quote; answers the index behind the closing one, or -1. */
function skipString(bytes: Uint8Array, at: number, end: number): number {
  let quote = bytes.indexOf(QUOTE, at + 1);
  while (quote >= 0 && quote < end) {
    let slashes = 0;
    while (bytes[quote - 1 - slashes] === BACKSLASH && quote - 1 - slashes > at) slashes += 1;
    if (slashes % 2 === 0) return quote + 1;
    quote = bytes.indexOf(QUOTE, quote + 1);
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
    const byte = bytes[index] ?? 0;
    if (byte === QUOTE) {
      index = skipString(bytes, index, end);
      if (index < 0) return -1;
      continue;
    }
    if (allowedOutsideStrings[byte] === 0) isContentLegal = false;
    if (byte === OPEN_BRACE) braces += 1;
    else if (byte === OPEN_BRACKET) brackets += 1;
    else if (byte === CLOSE_BRACE) braces -= 1;
    else if (byte === CLOSE_BRACKET) brackets -= 1;
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
    if (byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET || isSpace(byte)) break;
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET || byte === COLON) return -1;
    if (allowedOutsideStrings[byte] === 0) isContentLegal = false;
    index += 1;
  }
  return index === at ? -1 : index;
}

const decoder = new TextDecoder();

/** The text of a byte range. */
export function textOf(bytes: Uint8Array, range: ByteRange): string {
  return decoder.decode(bytes.subarray(range.start, range.end));
}

function readKey(bytes: Uint8Array, start: number, end: number): string | undefined {
  const raw = textOf(bytes, { start, end });
  if (!raw.includes('\\')) return raw.slice(1, -1);
  try {
    return JSON.parse(raw) as string;
  } catch {
    return undefined; // a broken escape: no member we look for is called that
  }
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
  const { end } = range;
  let at = skipSpace(bytes, range.start, end);
  if (bytes[at] !== OPEN_BRACE) return false;
  at = skipSpace(bytes, at + 1, end);
  if (bytes[at] === CLOSE_BRACE) return skipSpace(bytes, at + 1, end) === end;
  for (;;) {
    if (bytes[at] !== QUOTE) return false;
    const keyEnd = skipString(bytes, at, end);
    if (keyEnd < 0) return false;
    const key = readKey(bytes, at, keyEnd);
    at = skipSpace(bytes, keyEnd, end);
    if (bytes[at] !== COLON) return false;
    const start = skipSpace(bytes, at + 1, end);
    const valueEnd = skipValue(bytes, start, end);
    if (valueEnd < 0) return false;
    if (key !== undefined) visit(key, { start, end: valueEnd });
    at = skipSpace(bytes, valueEnd, end);
    if (bytes[at] === CLOSE_BRACE) return skipSpace(bytes, at + 1, end) === end;
    if (bytes[at] !== COMMA) return false;
    at = skipSpace(bytes, at + 1, end);
  }
}

function parseString(bytes: Uint8Array, range: ByteRange | undefined): string | undefined {
  if (range === undefined || bytes[range.start] !== QUOTE) return undefined;
  try {
    return JSON.parse(textOf(bytes, range)) as string;
  } catch {
    return undefined; // a string with a broken escape is no method name
  }
}

/** The text value of a top-level member of an object within a message, e.g. `name` of a tool call's params. */
export function stringMember(bytes: Uint8Array, range: ByteRange, name: string): string | undefined {
  let found: ByteRange | undefined;
  const wellFormed = scanMembers(bytes, range, (key, value) => {
    if (key === name) found = value;
  });
  return wellFormed ? parseString(bytes, found) : undefined;
}

/** Where a member's value stands within an object of a message. */
export function memberRange(bytes: Uint8Array, range: ByteRange, name: string): ByteRange | undefined {
  let found: ByteRange | undefined;
  const wellFormed = scanMembers(bytes, range, (key, value) => {
    if (key === name) found = value;
  });
  return wellFormed ? found : undefined;
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

const routingKeys: ReadonlySet<string> = new Set(['id', 'method', 'params', 'result', 'error']);

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
  const found: Record<string, ByteRange | undefined> = {};
  const wellFormed = scanMembers(bytes, whole, (key, value) => {
    if (routingKeys.has(key)) found[key] = value;
  });
  if (!wellFormed) return { kind: 'invalid' };
  const { id: idRange, method: methodRange, params, result, error } = found;
  // Longer ones are nobody's, and regular expressions recurse over them.
  if (idRange !== undefined && idRange.end - idRange.start > MAX_ID_BYTES) return { kind: 'invalid' };
  const id = idRange === undefined ? undefined : canonicalId(textOf(bytes, idRange));
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
  const isError = error !== undefined;
  if ((isError || result !== undefined) && id !== undefined && idRange !== undefined) {
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
