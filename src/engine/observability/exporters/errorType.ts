import { findMembers, textOf, type ByteRange } from '../../../shared/protocol/frameScanner.ts';
import type { Outcome } from '../../pipeline/call.ts';
import { OTHER } from './callDurations.ts';

/** Only answers up to this size are looked into for a tool's own error: one of a megabyte is hardly that, and looking would cost its call time. */
const MAX_SEARCHED = 65_536;
const IS_ERROR = Buffer.from('"isError"');
const [I = 0, S = 0, E = 0] = Buffer.from('isE');
/** After so many capital letters E it is cheaper to look for the whole word. */
const MAX_LETTERS = 4;
/** A tool has answered with `isError` (semantic conventions for MCP). */
export const TOOL_ERROR = 'tool_error';

const whole = (line: Uint8Array): ByteRange => ({ start: 0, end: line.length });

/** The `error.type` of how an attempt ended: a fault's code, a JSON-RPC error's code, or `tool_error`; absent where it went well. */
export function errorTypeOf(outcome: Outcome): string | undefined {
  if (outcome.kind === 'fault') return outcome.fault.code;
  return outcome.isError ? codeOf(outcome.line) : toolError(outcome.line);
}

/** Codes are numbers that servers choose; only those of JSON-RPC and MCP are told, so that there are few. */
function codeOf(line: Uint8Array): string {
  const [error] = findMembers(line, whole(line), ['error']);
  const [code] = error === undefined ? [] : findMembers(line, error, ['code']);
  const value = code === undefined ? NaN : Number(textOf(line, code));
  return Number.isInteger(value) && value >= -32_768 && value <= -32_000 ? String(value) : OTHER;
}

function toolError(line: Uint8Array): string | undefined {
  if (line.length > MAX_SEARCHED) return undefined;
  if (!mayBeToolError(line)) return undefined;
  const [result] = findMembers(line, whole(line), ['result']);
  const [isError] = result === undefined ? [] : findMembers(line, result, ['isError']);
  return isError !== undefined && textOf(line, isError) === 'true' ? TOOL_ERROR : undefined;
}

/** Almost no answer has the word, and few of the usual size have its one capital letter. */
function mayBeToolError(line: Uint8Array): boolean {
  let at = -1;
  for (let count = 0; count < MAX_LETTERS; count += 1) {
    at = line.indexOf(E, at + 1);
    if (at < 0) return false;
    if (line[at - 1] === S && line[at - 2] === I) return true;
  }
  return Buffer.from(line.buffer, line.byteOffset, line.length).includes(IS_ERROR, at);
}
