/**
 * The place of one value in JSON: a singular query of RFC 9535 (§2.3.5.1), which is `$` and names and indexes: `$.a.b[0]`, `$['a b'][-1]`. Wildcards, slices,
 * filters and `..` find any number of values, and are not understood.
 */
export type JsonPath = readonly (string | number)[];

const MAX_LENGTH = 512;
const MAX_SEGMENTS = 32;

/** RFC 9535 §2.5.1.1: member-name-shorthand. */
const shorthand = /\.([A-Z_a-z\u0080-\u{10ffff}][\dA-Z_a-z\u0080-\u{10ffff}]*)/uy;
/** §2.3.3.1: no leading zeros, no `-0`. */
const index = /\[\s*(0|-?[1-9]\d{0,14})\s*\]/y;
/** §2.3.1.1, as far as a pattern goes; what stands between the quotes is read as JSON. */
const quoted = /\[\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')\s*\]/suy;
const blanks = /[\t\n\r ]*/y;

/** Reads a path; `undefined` when it is none, or longer than it may be. */
export function parseJsonPath(text: string): JsonPath | undefined {
  if (text.length > MAX_LENGTH || !text.startsWith('$')) return undefined;
  const path: (string | number)[] = [];
  let at = 1;
  const match = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(text) ?? undefined;
  };
  while (at < text.length) {
    at += match(blanks)?.[0].length ?? 0;
    const found = match(shorthand) ?? match(index) ?? match(quoted);
    if (found === undefined || path.length >= MAX_SEGMENTS) return undefined;
    const segment = segmentOf(found);
    if (segment === undefined) return undefined;
    path.push(segment);
    at += found[0].length;
  }
  return path;
}

function segmentOf(found: RegExpExecArray): string | number | undefined {
  const [whole, first = '', single] = found;
  if (whole.startsWith('.')) return first;
  if (single !== undefined) return unquoted(single.replace(/\\'|"/g, (part) => (part === '"' ? '\\"' : "'")));
  return /["']/.test(whole) ? unquoted(first) : Number(first);
}

/** What a JSON string with this inside is; `undefined` where there is none. */
function unquoted(inside: string): string | undefined {
  try {
    return JSON.parse(`"${inside}"`) as string;
  } catch {
    return undefined;
  }
}

/** The value at a path; `undefined` where there is none. An index below zero counts from the end. Only own members count. */
export function valueAt(root: unknown, path: JsonPath): unknown {
  let value = root;
  for (const segment of path) {
    if (typeof segment === 'number') {
      if (!Array.isArray(value)) return undefined;
      value = (value as unknown[]).at(segment);
    } else {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
      value = Object.hasOwn(value, segment) ? (value as Record<string, unknown>)[segment] : undefined;
    }
  }
  return value;
}
