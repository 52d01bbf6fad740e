import type { Phrase } from '../shared/protocol/dashboardMessages.ts';

const MINUTE_S = 60;
const HOUR_S = 3_600;
const DAY_S = 86_400;

/** Writes times as people say them: "3 sec. ago", "in 2 min.", in the editor's language. */
export class Moments {
  readonly #format: Intl.RelativeTimeFormat;

  constructor(language: string) {
    this.#format = formatOf(language);
  }

  /** A phrase with its moment filled in. Servers' own texts never come through here. */
  words({ text, at }: Phrase, now: number): string {
    return at === undefined ? text : text.replace('{0}', () => this.relative(at - now));
  }

  /** @param byMs from now; negative for the past */
  relative(byMs: number): string {
    const seconds = Math.trunc(byMs / 1_000);
    const size = Math.abs(seconds);
    if (size < MINUTE_S) return this.#format.format(seconds, 'second');
    if (size < HOUR_S) return this.#format.format(Math.trunc(seconds / MINUTE_S), 'minute');
    if (size < DAY_S) return this.#format.format(Math.trunc(seconds / HOUR_S), 'hour');
    return this.#format.format(Math.trunc(seconds / DAY_S), 'day');
  }
}

function formatOf(language: string): Intl.RelativeTimeFormat {
  const options = { numeric: 'auto', style: 'short' } as const;
  try {
    return new Intl.RelativeTimeFormat(language, options);
  } catch {
    // A language that the browser cannot parse: times are in English then, as the words are.
    return new Intl.RelativeTimeFormat('en', options);
  }
}
