import type { ScannedCall } from './auditPacket.ts';

/** Calls share a line while it is shorter than this. */
const MAX_CALLS_BYTES = 16_384;
/** More than a call takes beside what says whose it is. */
const CALL_BYTES = 1_024;
/** The most that says whose it is: four names of 256 characters, quoted. */
const MAX_WHO_BYTES = 16_384;

/** Puts calls into the text of a line, as bytes: this is done for every call, and leaves next to nothing behind. */
export class CallLines {
  readonly #bytes = Buffer.allocUnsafeSlow(MAX_CALLS_BYTES + MAX_WHO_BYTES + CALL_BYTES);
  #at = 0;
  count = 0;

  get isFull(): boolean {
    return this.#at >= MAX_CALLS_BYTES;
  }

  add(call: ScannedCall): void {
    const { at, who } = call;
    if (this.count === 0) this.#write(`"at":${at},"type":"calls","calls":[{"at":${at},`);
    else this.#write(`,{"at":${at},`);
    this.count += 1;
    const short = who.subarray(0, MAX_WHO_BYTES);
    this.#bytes.set(short, this.#at);
    this.#at += short.length;
    // The id is ours: a letter, and a number in base 36.
    this.#write(
      `,"call":"${call.callId}","outcome":"${call.outcome}","ms":${call.ms},"attempts":${call.attempts},"request":{"bytes":${call.requestBytes},"sha256":"`,
    );
    this.#write(call.requestHash);
    if (call.answerBytes >= 0) {
      this.#write(`"},"answer":{"bytes":${call.answerBytes},"sha256":"`);
      this.#write(call.answerHash);
    }
    this.#write('"}}');
  }

  /** The members of the line, and begins the next one. */
  take(): Buffer {
    this.#write(']');
    const taken = Buffer.from(this.#bytes.subarray(0, this.#at));
    this.#at = 0;
    this.count = 0;
    return taken;
  }

  /** Nothing but ASCII comes here. */
  #write(text: string): void {
    this.#at += this.#bytes.write(text, this.#at, 'latin1');
  }
}
