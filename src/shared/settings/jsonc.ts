import { parse, printParseErrorCode, type ParseError } from 'jsonc-parser';

export type ReadJson = { readonly value: unknown } | { readonly problem: string };

/**
 * JSON, with a byte order mark, comments and trailing commas as in the editor's own `mcp.json`. A problem tells its line and nothing of the
 * text, which may hold tokens. Never throws.
 */
export function readJson(written: string): ReadJson {
  const text = written.startsWith('\ufeff') ? written.slice(1) : written;
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
    return { problem: 'it is nested too deep.' };
  }
}
