const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** What stands before a fraction: by default in the language of the page, which is that of its words. */
export function writeNumber(value: number, language = pageLanguage()): string {
  return String(value).replace('.', decimalSign(language));
}

function pageLanguage(): string {
  return typeof document === 'undefined' ? 'en' : document.documentElement.lang;
}

const signs = new Map<string, string>();

function decimalSign(language: string): string {
  const sign = signs.get(language) ?? new Intl.NumberFormat(language).format(1.5).charAt(1);
  signs.set(language, sign);
  return sign;
}

/** A latency. Units are the same in every language. */
export function writeMs(ms: number): string {
  const isLong = ms >= 1_000;
  return `${writeNumber(Number((isLong ? ms / 1_000 : ms).toFixed(2)))} ${isLong ? 's' : 'ms'}`;
}

/** Of a time that may be days. */
export function writeSpan(ms: number): string {
  if (ms < MINUTE_MS) return writeMs(Math.round(ms));
  return ms < 2 * HOUR_MS ? `${Math.round(ms / MINUTE_MS)} min` : `${Math.round(ms / HOUR_MS)} h`;
}
