/**
 * Whether a text is JSON, without making anything of it: an answer of a server goes through as bytes, and is looked at only so that what is not JSON does not
 * reach a client that would wait for it for ever. Says of every text what `JSON.parse` says (RFC 8259) of its bytes decoded as UTF-8 with replacement.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COLON = 0x3a;
const COMMA = 0x2c;
const MINUS = 0x2d;
const PLUS = 0x2b;
const DOT = 0x2e;
const ZERO = 0x30;
const LETTER_U = 0x75;

/** What is nested deeper is not told. */
const MAX_DEPTH = 1_000;

/** 1: ends a run of plain bytes in a string (quote, backslash, control character). */
const isSpecial = new Uint8Array(256).fill(1, 0, 0x20);
isSpecial[QUOTE] = 1;
isSpecial[BACKSLASH] = 1;
/** 1: may follow a backslash by itself. */
const isEscape = new Uint8Array(256);
for (const char of '"\\/bfnrt') isEscape[char.charCodeAt(0)] = 1;
const isHex = new Uint8Array(256);
for (const char of '0123456789abcdefABCDEF') isHex[char.charCodeAt(0)] = 1;

const literals: readonly Uint8Array[] = ['true', 'false', 'null'].map((word) =>
  Uint8Array.from(word, (char) => char.charCodeAt(0)),
);

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x30 && byte <= 0x39;

/** The index of the first byte that is no white space. */
export function skipSpace(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end) {
    const byte = bytes[at] ?? 0;
    if (byte > 0x20 || (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d && byte !== 0x0a)) return at;
    at += 1;
  }
  return at;
}

/** After so many plain bytes a string is gone through by words of four. */
const SHORT_BYTES = 12;

/** `start` is on the opening quote of a string, which must be JSON; answers the index behind the closing one, or -1. */
export function stringEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start + 1;
  let wordsFrom = at + SHORT_BYTES;
  let words: Int32Array | undefined;
  while (at < end) {
    if (at >= wordsFrom && ((bytes.byteOffset + at) & 3) === 0) {
      const lead = -bytes.byteOffset & 3;
      words ??= new Int32Array(bytes.buffer, bytes.byteOffset + lead, Math.max(0, end - lead) >> 2);
      at = (plainWordsEnd(words, (at - lead) >> 2) << 2) + lead;
      wordsFrom = at + SHORT_BYTES;
      if (at >= end) return -1;
    }
    const byte = bytes[at] ?? 0;
    if (isSpecial[byte] === 0) {
      at += 1;
      continue;
    }
    if (byte === QUOTE) return at + 1;
    if (byte !== BACKSLASH) return -1;
    if (isEscape[bytes[at + 1] ?? 0] === 1) at += 2;
    else if (bytes[at + 1] === LETTER_U && isHexAt(bytes, at + 2, end)) at += 6;
    else return -1;
    if (wordsFrom < at + SHORT_BYTES) wordsFrom = at + SHORT_BYTES;
  }
  return -1;
}

/** The index of the first word that has a special byte in it. */
function plainWordsEnd(words: Int32Array, from: number): number {
  const { length } = words;
  let index = from;
  while (index < length) {
    const word = words[index] ?? 0;
    const quote = word ^ 0x22222222;
    const slash = word ^ 0x5c5c5c5c;
    // A byte below 0x20, or zero where it equals what it was combined with ("Bit Twiddling Hacks", S. E. Anderson: hasless, haszero).
    const found =
      ((word - 0x20202020) & ~word) | ((quote - 0x01010101) & ~quote) | ((slash - 0x01010101) & ~slash);
    if ((found & 0x80808080) !== 0) return index;
    index += 1;
  }
  return index;
}

function isHexAt(bytes: Uint8Array, at: number, end: number): boolean {
  if (at + 4 > end) return false;
  for (let index = at; index < at + 4; index += 1) if (isHex[bytes[index] ?? 0] !== 1) return false;
  return true;
}

/** What is open around the value at hand; kept, because nothing here can be interrupted. */
const nesting = new Uint8Array(MAX_DEPTH);

/** The index behind the JSON value that starts at `from`; -1 when there is none, or when it is nested deeper than 1,000. Never recurses. */
export function valueEnd(bytes: Uint8Array, from: number, end: number): number {
  let depth = 0;
  let at = from;
  for (;;) {
    // A value begins here.
    const first = bytes[at];
    if (at >= end) return -1;
    if (first === OPEN_BRACE || first === OPEN_BRACKET) {
      if (depth === MAX_DEPTH) return -1;
      nesting[depth] = first;
      depth += 1;
      at = skipSpace(bytes, at + 1, end);
      const isEmpty = at < end && bytes[at] === (first === OPEN_BRACE ? CLOSE_BRACE : CLOSE_BRACKET);
      if (!isEmpty) {
        if (first === OPEN_BRACE) at = keyEnd(bytes, at, end);
        if (at < 0) return -1;
        continue;
      }
      depth -= 1;
      at += 1;
    } else {
      at = first === QUOTE ? stringEnd(bytes, at, end) : scalarEnd(bytes, at, end);
      if (at < 0) return -1;
    }
    // A value has ended before this; it may end others.
    for (;;) {
      if (depth === 0) return at;
      at = skipSpace(bytes, at, end);
      if (at >= end) return -1;
      const isObject = nesting[depth - 1] === OPEN_BRACE;
      const byte = bytes[at];
      if (byte === COMMA) {
        at = skipSpace(bytes, at + 1, end);
        if (isObject) at = keyEnd(bytes, at, end);
        if (at < 0) return -1;
        break;
      }
      if (byte !== (isObject ? CLOSE_BRACE : CLOSE_BRACKET)) return -1;
      depth -= 1;
      at += 1;
    }
  }
}

/** A member's name and the colon; answers where its value begins, or -1. */
function keyEnd(bytes: Uint8Array, at: number, end: number): number {
  if (at >= end || bytes[at] !== QUOTE) return -1;
  const nameEnd = stringEnd(bytes, at, end);
  if (nameEnd < 0) return -1;
  const colon = skipSpace(bytes, nameEnd, end);
  return colon < end && bytes[colon] === COLON ? skipSpace(bytes, colon + 1, end) : -1;
}

function scalarEnd(bytes: Uint8Array, at: number, end: number): number {
  const first = bytes[at];
  if (first === MINUS || isDigit(first)) return numberEnd(bytes, at, end);
  for (const literal of literals) {
    if (first !== literal[0] || at + literal.length > end) continue;
    return literal.every((byte, index) => bytes[at + index] === byte) ? at + literal.length : -1;
  }
  return -1;
}

function numberEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = bytes[start] === MINUS ? start + 1 : start;
  if (at >= end || !isDigit(bytes[at])) return -1;
  at = bytes[at] === ZERO ? at + 1 : digitsEnd(bytes, at, end);
  if (at < end && bytes[at] === DOT) {
    if (at + 1 >= end || !isDigit(bytes[at + 1])) return -1;
    at = digitsEnd(bytes, at + 1, end);
  }
  if (at < end && (bytes[at] === 0x65 || bytes[at] === 0x45)) {
    const sign = bytes[at + 1];
    const digits = sign === PLUS || sign === MINUS ? at + 2 : at + 1;
    if (digits >= end || !isDigit(bytes[digits])) return -1;
    at = digitsEnd(bytes, digits, end);
  }
  return at;
}

function digitsEnd(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && isDigit(bytes[at])) at += 1;
  return at;
}

/** Whether the bytes are one JSON text, nested no deeper than 1,000. */
export function isJson(bytes: Uint8Array): boolean {
  const end = valueEnd(bytes, skipSpace(bytes, 0, bytes.length), bytes.length);
  return end >= 0 && skipSpace(bytes, end, bytes.length) === bytes.length;
}
