/**
 * Counts and figures in the language of the words around them: which form of a noun a count takes, and what stands between a
 * number's whole part and its fraction.
 */
import type { Translate } from './translate.ts';

/** BCP 47: the language that `t` answers in. Not the editor's: that may be one we have no words in. */
export function languageOf(t: Translate): string {
  return t('en');
}

const rules = new Map<string, Intl.PluralRules>();
const formats = new Map<string, Intl.NumberFormat>();

function kept<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  const value = map.get(key) ?? make();
  map.set(key, value);
  return value;
}

/**
 * The one of two texts that fits a count, by the plural rules of the language (CLDR): English has "one" for 1, Brazilian Portuguese
 * for 0 and 1. `{0}` is the count, `args` are `{1}` and so on.
 *
 * Both texts must be literals, and different from each other, as texts that `t` takes: where English says the same of one and of
 * several, `one` says "1" (`1 healthy`), for other languages to differ.
 */
export function counted(
  t: Translate,
  count: number,
  one: string,
  other: string,
  ...args: (string | number)[]
): string {
  const language = languageOf(t);
  const rule = kept(rules, language, () => new Intl.PluralRules(language)).select(count);
  return t(rule === 'one' ? one : other, localNumber(count, t), ...args);
}

/** @param digits after the point, always so many; without it as many as there are */
export function localNumber(value: number, t: Translate, digits?: number): string {
  const language = languageOf(t);
  const format = kept(formats, `${language} ${digits ?? ''}`, () => {
    const least = digits === undefined ? {} : { minimumFractionDigits: digits };
    return new Intl.NumberFormat(language, {
      ...least,
      maximumFractionDigits: digits ?? 20,
      useGrouping: false,
    });
  });
  return format.format(value);
}

/** Rounded down: what is not whole is never shown as whole. */
export function percentWords(ratio: number, t: Translate): string {
  return t('{0} %', localNumber(Math.floor(ratio * 1_000) / 10, t));
}

/** Milliseconds as people read them: `0.4 ms`, `12 ms`, `1.3 s`. */
export function duration(milliseconds: number, t: Translate): string {
  if (milliseconds < 1) return `${localNumber(milliseconds, t, 1)} ms`;
  if (milliseconds < 1_000) return `${Math.round(milliseconds)} ms`;
  return `${localNumber(milliseconds / 1_000, t, 1)} s`;
}

/** A moment of today, in the user's own way of writing it; among words that are not English, in that of their language. */
export function clockTime(wallMs: number, t: Translate): string {
  const language = languageOf(t);
  return new Date(wallMs).toLocaleTimeString(language === 'en' ? undefined : language);
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** Of a time that may be days. */
export function span(ms: number, t: Translate): string {
  if (ms < MINUTE_MS) return duration(ms, t);
  if (ms < 2 * HOUR_MS) return `${Math.round(ms / MINUTE_MS)} min`;
  return `${Math.round(ms / HOUR_MS)} h`;
}
