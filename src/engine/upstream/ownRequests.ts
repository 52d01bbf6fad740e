import type { Fault } from '../../shared/model/fault.ts';
import { memberRange, stringMember, textOf } from '../../shared/protocol/frameScanner.ts';

/** What became of a request of ours to a server. */
export type InternalAnswer =
  /** `result`: as JSON text; `value`: parsed. */
  | { readonly kind: 'result'; readonly result: string; readonly value: unknown; readonly line: Uint8Array }
  | { readonly kind: 'error'; readonly error: string; readonly code: number | undefined }
  /** The launch ended, or the time was over; with a fault of its own where the request alone failed. */
  | { readonly kind: 'failed'; readonly fault?: Fault };

const decoder = new TextDecoder();

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Parsing holds everybody up, for about 10 ms a megabyte; no list of a server that is meant well is as long as this. */
const MAX_OWN_ANSWER_BYTES = 16_777_216;

/** Reads a server's answer to a request of ours. */
export function readInternalAnswer(line: Uint8Array): InternalAnswer {
  if (line.length > MAX_OWN_ANSWER_BYTES)
    return { kind: 'error', error: `an answer of ${line.length} bytes, which is too long`, code: undefined };
  const whole = { start: 0, end: line.length };
  const result = memberRange(line, whole, 'result');
  const parsed = result === undefined ? undefined : parse(line);
  if (result !== undefined && parsed !== undefined)
    return { kind: 'result', result: textOf(line, result), value: parsed.value['result'], line };
  const error = memberRange(line, whole, 'error');
  const message = error === undefined ? undefined : stringMember(line, error, 'message');
  const code = error === undefined ? undefined : memberRange(line, error, 'code');
  return {
    kind: 'error',
    error: message ?? 'an answer that cannot be read',
    code: code === undefined ? undefined : Number(textOf(line, code)),
  };
}

function parse(line: Uint8Array): { readonly value: Record<string, unknown> } | undefined {
  try {
    return { value: JSON.parse(decoder.decode(line)) as Record<string, unknown> };
  } catch {
    return undefined; // what the scan found well formed need not be JSON
  }
}

/** `json` is the text of an object. */
export function stringMemberOf(json: string, name: string): string | undefined {
  const value = (JSON.parse(json) as Record<string, unknown>)[name];
  return typeof value === 'string' ? value : undefined;
}
