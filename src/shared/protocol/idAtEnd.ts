import { canonicalId } from './frameScanner.ts';

const decoder = new TextDecoder();

/**
 * The id (canonical JSON text) of a message of which only the end is there, when the id stands last, as some libraries write it. The quote
 * before `id` would end a string, and one brace closes the message, so it is a member of the whole.
 */
export function idAtEnd(tail: Uint8Array): string | undefined {
  const text = decoder.decode(tail);
  const at = text.lastIndexOf('"id"');
  if (at < 0 || !/[,{]\s{0,16}$/.test(text.slice(Math.max(0, at - 20), at))) return undefined;
  const match = /^"id"\s{0,16}:\s{0,16}("[^"\\]{1,128}"|-?\d{1,20})\s{0,16}\}\s{0,16}$/.exec(text.slice(at));
  return match?.[1] === undefined ? undefined : canonicalId(match[1]);
}
