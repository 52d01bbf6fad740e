import { base64Of } from './base64.ts';
import { MIN_SECRET } from './secretValues.ts';

const encoder = new TextEncoder();

/** encodeURIComponent, for whatever text: half a character makes the original throw. */
function urlEncoded(text: string): string {
  return Array.from(text, (character) => {
    try {
      return encodeURIComponent(character);
    } catch {
      return character;
    }
  }).join('');
}

/** What of the base64 of any text that holds this one is the same, whatever stands before and after it: once for each of the three alignments. */
function base64Forms(text: string): string[] {
  const bytes = encoder.encode(text);
  return [0, 1, 2].flatMap((before) => {
    const shifted = new Uint8Array(before + bytes.length);
    shifted.set(bytes, before);
    const skipped = Math.ceil((before * 8) / 6);
    const whole = Math.floor((shifted.length * 8) / 6);
    const middle = base64Of(shifted).slice(skipped, whole);
    return [middle, middle.replaceAll('+', '-').replaceAll('/', '_')];
  });
}

const jsonOf = (text: string): string => JSON.stringify(text).slice(1, -1);

/**
 * The forms in which a secret is met in a text: as it is, each line of several, escaped as JSON (once, and twice as in JSON within JSON), as part of an
 * address, and in base64.
 */
export function formsOf(secret: string): string[] {
  const forms = new Set<string>([secret]);
  const json = jsonOf(secret);
  forms.add(json);
  forms.add(jsonOf(json));
  const url = urlEncoded(secret);
  forms.add(url);
  forms.add(url.replace(/%[\dA-F]{2}/g, (code) => code.toLowerCase()));
  forms.add(url.replaceAll('%20', '+'));
  for (const form of base64Forms(secret)) forms.add(form);
  // A log shows it line by line.
  if (/[\r\n]/.test(secret))
    for (const line of secret.split(/[\r\n]+/))
      if (line.trim().length > MIN_SECRET + 1) forms.add(line.trim());
  return [...forms].filter((form) => form.length >= MIN_SECRET);
}
