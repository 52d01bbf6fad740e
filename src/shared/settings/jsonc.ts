import { parse, printParseErrorCode, type ParseError } from 'jsonc-parser';

/** Nobody's settings are deeper; whoever takes them further (into a text, into a message) would run out of stack. */
const MAX_DEPTH = 100;

export type ReadJson = { readonly value: unknown } | { readonly problem: string };

/**
 * JSON, with a byte order mark, comments and trailing commas as in the editor's own `mcp.json`. A problem tells its line and nothing of the
 * text, which may hold tokens. Never throws.
 */
export function readJson(written: string): ReadJson {
  const read = readAny(written.startsWith('\ufeff') ? written.slice(1) : written);
  return 'value' in read && isTooDeep(read.value) ? tooDeep : read;
}

const tooDeep: ReadJson = { problem: 'it is nested too deep.' };

function isTooDeep(value: unknown): boolean {
  let level: readonly unknown[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > MAX_DEPTH) return true;
    level = level.flatMap((item) =>
      typeof item === 'object' && item !== null ? (Object.values(item) as unknown[]) : [],
    );
  }
  return false;
}

function readAny(text: string): ReadJson {
  try {
    return { value: JSON.parse(text) };
  } catch {
    // what it is then, is seen below
  }
  try {
    const errors: ParseError[] = [];
    const value: unknown = parse(text, errors, { allowTrailingComma: true });
    const [first] = errors;
    if (first === undefined) return { value };
    const line = text.slice(0, first.offset).split('\n').length;
    return { problem: `${printParseErrorCode(first.error)} in line ${line}.` };
  } catch {
    return tooDeep;
  }
}
