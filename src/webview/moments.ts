import type { Phrase } from '../shared/protocol/dashboardMessages.ts';

const MINUTE_S = 60;
const HOUR_S = 3_600;
const DAY_S = 86_400;

/** Writes times as people say them: "3 sec. ago", "in 2 min.", in the editor's language. */
export class Moments {
  readonly #format: Intl.RelativeTimeFormat;
  readonly #time: Intl.DateTimeFormat;
  readonly #dayAndTime: Intl.DateTimeFormat;
  readonly #minute: Intl.DateTimeFormat;
  readonly #day: Intl.DateTimeFormat;

  constructor(language: string) {
    const known = knownLanguage(language);
    const minute = { hour: '2-digit', minute: '2-digit' } as const;
    const time = { ...minute, second: '2-digit' } as const;
    const day = { day: 'numeric', month: 'short' } as const;
    this.#format = new Intl.RelativeTimeFormat(known, { numeric: 'auto', style: 'short' });
    this.#time = new Intl.DateTimeFormat(known, time);
    this.#dayAndTime = new Intl.DateTimeFormat(known, { ...day, ...time });
    this.#minute = new Intl.DateTimeFormat(known, minute);
    this.#day = new Intl.DateTimeFormat(known, { weekday: 'short', ...day });
  }

  /** A phrase with its moment filled in. Servers' own texts never come through here. */
  words({ text, at }: Phrase, now: number): string {
    return at === undefined ? text : text.replace('{0}', () => this.relative(at - now));
  }

  /** The time of day, with the day when it is another one than `now`. */
  clock(at: number, now: number): string {
    const isToday = new Date(at).toDateString() === new Date(now).toDateString();
    return (isToday ? this.#time : this.#dayAndTime).format(at);
  }

  /** Where a graph of so much time begins. */
  axis(at: number, windowMs: number): string {
    return (windowMs > 2 * DAY_S * 1_000 ? this.#day : this.#minute).format(at);
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

/** A language that the browser cannot parse: times are in English then, as the words are. */
function knownLanguage(language: string): string {
  try {
    return Intl.getCanonicalLocales(language)[0] ?? 'en';
  } catch {
    return 'en';
  }
}
