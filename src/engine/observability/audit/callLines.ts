import type { ScannedCall } from './auditPacket.ts';

/** Calls share a line while it is shorter than this. */
const MAX_CALLS_BYTES = 16_384;
/** More than a call takes beside what says whose it is. */
const CALL_BYTES = 1_024;
/** The most that says whose it is: four names of 256 characters, quoted. */
const MAX_WHO_BYTES = 16_384;

const ZERO = 0x30;
const POINT = 0x2e;
/** Whole numbers below it are divided as 32-bit integers, which is several times as fast. */
const INTEGERS = 1_000_000_000;

const first = Buffer.from('{"at":');
const next = Buffer.from(',{"at":');
const beforeWho = Buffer.from(',');
const beforeCall = Buffer.from(',"call":"');
const beforeOutcome = Buffer.from('","outcome":"');
const beforeMs = Buffer.from('","ms":');
const beforeAttempts = Buffer.from(',"attempts":');
const beforeRequest = Buffer.from(',"request":{"bytes":');
const beforeAnswer = Buffer.from('"},"answer":{"bytes":');
const beforeHash = Buffer.from(',"sha256":"');
const afterCall = Buffer.from('"}}');

/**
 * Puts calls into the text of a line, as bytes, and makes no strings of them: this is done for every call, and each way into a library (to encode a text, to format a
 * number) would cost as much as a copy of the whole.
 */
export class CallLines {
  readonly #bytes = Buffer.allocUnsafeSlow(MAX_CALLS_BYTES + MAX_WHO_BYTES + CALL_BYTES);
  #at = 0;
  count = 0;

  get isFull(): boolean {
    return this.#at >= MAX_CALLS_BYTES;
  }

  add(call: ScannedCall): void {
    const { at, who } = call;
    if (this.count === 0) this.#write(`"at":${at},"type":"calls","calls":[`);
    this.#put(this.count === 0 ? first : next);
    this.count += 1;
    this.#whole(at);
    this.#put(beforeWho);
    const short = who.length <= MAX_WHO_BYTES ? who : who.subarray(0, MAX_WHO_BYTES);
    this.#bytes.set(short, this.#at);
    this.#at += short.length;
    this.#put(beforeCall);
    // The id is ours: a letter, and a number in base 36.
    this.#range(call.packet, call.callIdFrom, call.callIdTo);
    this.#put(beforeOutcome);
    this.#put(call.outcome);
    this.#put(beforeMs);
    this.#thousandths(call.ms);
    this.#put(beforeAttempts);
    this.#whole(call.attempts);
    this.#put(beforeRequest);
    this.#message(call.requestBytes, call.requestHash);
    if (call.answerBytes >= 0) {
      this.#put(beforeAnswer);
      this.#message(call.answerBytes, call.answerHash);
    }
    this.#put(afterCall);
  }

  /** The members of the line, and begins the next one. */
  take(): Buffer {
    this.#write(']');
    const taken = Buffer.from(this.#bytes.subarray(0, this.#at));
    this.#at = 0;
    this.count = 0;
    return taken;
  }

  #message(bytes: number, sha256: string): void {
    this.#whole(bytes);
    this.#put(beforeHash);
    this.#write(sha256);
  }

  /** Nothing but ASCII comes here. */
  #write(text: string): void {
    this.#at += this.#bytes.write(text, this.#at, 'latin1');
  }

  /** Some bytes; of so few a copy by hand is the fastest. */
  #put(from: Uint8Array): void {
    this.#range(from, 0, from.length);
  }

  #range(from: Uint8Array, start: number, end: number): void {
    const bytes = this.#bytes;
    let at = this.#at;
    for (let index = start; index < end; index += 1) bytes[at++] = from[index] ?? 0;
    this.#at = at;
  }

  /** A whole number, not negative, in decimal digits. */
  #whole(value: number): void {
    if (value < INTEGERS) {
      this.#digits(value | 0, 1);
      return;
    }
    const high = Math.floor(value / INTEGERS);
    if (high >= INTEGERS) {
      this.#write(String(value));
      return;
    }
    this.#digits(high | 0, 1);
    this.#digits((value - high * INTEGERS) | 0, 9);
  }

  /** `atLeast` so many digits, with zeros before them. */
  #digits(value: number, atLeast: number): void {
    let count = atLeast;
    for (let limit = 10 ** atLeast; value >= limit && count < 9; limit *= 10) count += 1;
    const bytes = this.#bytes;
    const end = this.#at + count;
    let rest = value;
    for (let at = end - 1; at >= this.#at; at -= 1) {
      const less = (rest / 10) | 0;
      bytes[at] = ZERO + rest - less * 10;
      rest = less;
    }
    this.#at = end;
  }

  /** To three places behind the point, without zeros at its end; a negative one is 0. */
  #thousandths(value: number): void {
    const positive = Math.max(0, value);
    let whole = Math.floor(positive);
    let rest = Math.round((positive - whole) * 1_000);
    if (rest === 1_000) {
      whole += 1;
      rest = 0;
    }
    this.#whole(whole);
    if (rest === 0) return;
    let places = 3;
    while (rest % 10 === 0) {
      rest = (rest / 10) | 0;
      places -= 1;
    }
    this.#bytes[this.#at] = POINT;
    this.#at += 1;
    this.#digits(rest, places);
  }
}
