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
  readonly #dayAndMinute: Intl.DateTimeFormat;
  /** The day that was asked about last, as it begins and ends: made out anew for every row it would be most of what a list costs. */
  #today = { from: 0, to: 0 };

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
    this.#dayAndMinute = new Intl.DateTimeFormat(known, { weekday: 'short', ...minute });
  }

  /** A phrase with its moment filled in. Servers' own texts never come through here. */
  words({ text, at }: Phrase, now: number): string {
    if (at === undefined) return text;
    const filled = this.relative(at - now);
    // "in 9 sec." at the end of a sentence has its full stop already.
    return text.replace(/\{0\}(\.?)/, (_found, stop: string) =>
      filled.endsWith('.') ? filled : filled + stop,
    );
  }

  /** The time of day, with the day when it is another one than `now`. */
  clock(at: number, now: number): string {
    return (this.isSameDay(at, now) ? this.#time : this.#dayAndTime).format(at);
  }

  isSameDay(at: number, now: number): boolean {
    if (now < this.#today.from || now >= this.#today.to) {
      const midnight = (days: number): number => {
        const day = new Date(now);
        day.setHours(0, 0, 0, 0);
        return day.setDate(day.getDate() + days);
      };
      this.#today = { from: midnight(0), to: midnight(1) };
    }
    return at >= this.#today.from && at < this.#today.to;
  }

  /** Where a graph of so much time begins. */
  axis(at: number, windowMs: number): string {
    return (windowMs > 2 * DAY_S * 1_000 ? this.#day : this.#minute).format(at);
  }

  /** Where a row of a table begins: with the day where its time alone would not tell. */
  from(at: number, now: number, windowMs: number): string {
    if (windowMs > DAY_S * 1_000) return this.#dayAndMinute.format(at);
    return windowMs < HOUR_S * 1_000 ? this.clock(at, now) : this.#minute.format(at);
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
