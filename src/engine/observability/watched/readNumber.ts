import { valueAt, type JsonPath } from '../../../shared/settings/jsonPath.ts';
import { isObject } from '../../upstream/ownRequests.ts';

/** Longer texts are not parsed: nothing that reports a number is as long. */
const MAX_TEXT = 1_048_576;
const MAX_TEXTS = 16;
/** A number of JSON, with a sign if need be. */
const number = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[Ee][+-]?\d+)?$/;
const MAX_NUMBER_TEXT = 64;

/** The number at a path in what a tool answered: in its structured content, else in the first of its texts that is JSON and has one there. */
export function readNumber(result: unknown, path: JsonPath): number | undefined {
  if (!isObject(result)) return undefined;
  const structured = asNumber(valueAt(result['structuredContent'], path));
  if (structured !== undefined) return structured;
  const content = Array.isArray(result['content']) ? (result['content'] as unknown[]) : [];
  for (const item of content.slice(0, MAX_TEXTS)) {
    if (!isObject(item) || item['type'] !== 'text' || typeof item['text'] !== 'string') continue;
    const found = asNumber(valueAt(parsed(item['text']), path));
    if (found !== undefined) return found;
  }
  return undefined;
}

function parsed(text: string): unknown {
  if (text.length > MAX_TEXT) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // words for people
  }
}

/** A number, or a text that is one; nothing else is taken for one. */
export function asNumber(value: unknown): number | undefined {
  const found =
    typeof value === 'string' && value.length <= MAX_NUMBER_TEXT && number.test(value.trim())
      ? Number(value)
      : value;
  return typeof found === 'number' && Number.isFinite(found) ? found : undefined;
}
