import type { Fault } from '../../shared/model/fault.ts';
import { memberRange, stringMember, textOf } from '../../shared/protocol/frameScanner.ts';

/** What became of a request of ours to a server. */
export type InternalAnswer =
  | { readonly kind: 'result'; readonly result: string; readonly line: Uint8Array }
  | { readonly kind: 'error'; readonly error: string; readonly code: number | undefined }
  /** The launch ended, or the time was over; with a fault of its own where the request alone failed. */
  | { readonly kind: 'failed'; readonly fault?: Fault };

const decoder = new TextDecoder();

export function isJson(line: Uint8Array): boolean {
  try {
    JSON.parse(decoder.decode(line));
    return true;
  } catch {
    return false;
  }
}

/** Whether a JSON text is an object. */
export function isObject(text: string): boolean {
  const value: unknown = JSON.parse(text);
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Reads a server's answer to a request of ours. A `result` in it is JSON. */
export function readInternalAnswer(line: Uint8Array): InternalAnswer {
  const whole = { start: 0, end: line.length };
  const result = memberRange(line, whole, 'result');
  if (result !== undefined && isJson(line)) return { kind: 'result', result: textOf(line, result), line };
  const error = memberRange(line, whole, 'error');
  const message = error === undefined ? undefined : stringMember(line, error, 'message');
  const code = error === undefined ? undefined : memberRange(line, error, 'code');
  return {
    kind: 'error',
    error: message ?? 'an answer that cannot be read',
    code: code === undefined ? undefined : Number(textOf(line, code)),
  };
}
