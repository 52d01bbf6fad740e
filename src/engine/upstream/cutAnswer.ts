import { canonicalId } from '../../shared/protocol/frameScanner.ts';
import { idAtEnd } from '../../shared/protocol/idAtEnd.ts';

const decoder = new TextDecoder();

/**
 * The id (canonical JSON text) of an answer that was too long to keep, of which only the beginning is there, or the end too. Some servers
 * write it before the result, some after it.
 */
export function idOfCutAnswer(head: Uint8Array, tail: Uint8Array | undefined): string | undefined {
  return tail === undefined ? idInHead(head) : idInTail(head, tail);
}

function idInHead(head: Uint8Array): string | undefined {
  const match =
    /^\s*\{(?:\s*"jsonrpc"\s*:\s*"2\.0"\s*,)?\s*"id"\s*:\s*("(?:[^"\\]|\\.){0,1024}"|-?\d{1,20})\s*,/.exec(
      decoder.decode(head.subarray(0, 2_048)),
    );
  return match?.[1] === undefined ? undefined : canonicalId(match[1]);
}

function idInTail(head: Uint8Array, tail: Uint8Array): string | undefined {
  const isAnswer = /^\s*\{(?:\s*"jsonrpc"\s*:\s*"2\.0"\s*,)?\s*"(?:result|error)"\s*:/;
  return isAnswer.test(decoder.decode(head.subarray(0, 64))) ? idAtEnd(tail) : undefined;
}
