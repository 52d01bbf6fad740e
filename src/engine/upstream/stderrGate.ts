import type { Clock } from '../../shared/base/clock.ts';
import type { Disposable } from '../../shared/base/disposable.ts';

export interface StderrGateOptions {
  readonly clock: Clock;
  /** Text to show: whole lines, unless one does not end. */
  readonly onText: (text: string) => void;
  /** Far too much comes: it should be read no further, until `false` follows. */
  readonly holdReading: (hold: boolean) => void;
}

const WINDOW_MS = 1_000;
/** What is shown of a second's output; the rest is counted, because each line costs time that belongs to the other servers. */
const MAX_SHOWN_BYTES = 65_536;
/** What is read in a second, shown or not. A server that says more has to wait, as at a terminal. */
const MAX_READ_BYTES = 33_554_432;
/** Of what is left out the end is shown: the last words before a crash are the ones that tell why. */
const TAIL_BYTES = 4_096;
const LINE_FEED = 0x0a;

/**
 * What a server writes to stderr, as lines to log. Bounded by the second: a flood is dropped before it is decoded, and how much was
 * left out is told (requirements R14.3).
 */
export class StderrGate {
  readonly #options: StderrGateOptions;
  #decoder = new TextDecoder();
  #windowStart = -Infinity;
  #shownBytes = 0;
  #readBytes = 0;
  #leftOutBytes = 0;
  #tail: Uint8Array = new Uint8Array();
  #unfinished = '';
  #timer: Disposable | undefined;
  #isHolding = false;
  #ended = false;

  constructor(options: StderrGateOptions) {
    this.#options = options;
  }

  push(chunk: Uint8Array): void {
    if (this.#ended) return;
    const now = this.#options.clock.now();
    if (now - this.#windowStart >= WINDOW_MS) this.#nextWindow(now);
    this.#readBytes += chunk.length;
    const room = MAX_SHOWN_BYTES - this.#shownBytes;
    // Once something was left out the rest of the second is too: what stands between would read as if it followed.
    const shown = this.#leftOutBytes > 0 ? 0 : Math.min(room, chunk.length);
    if (shown > 0) this.#show(shown === chunk.length ? chunk : chunk.subarray(0, shown));
    if (shown < chunk.length) this.#leaveOut(chunk.subarray(shown));
    if (this.#unfinished !== '' || this.#leftOutBytes > 0) this.#watchWindow(now);
    if (this.#readBytes > MAX_READ_BYTES && !this.#isHolding) this.#hold(true);
  }

  /** Nothing more comes: what is still held is told. */
  end(): void {
    if (this.#ended) return;
    this.#flush();
    this.#ended = true;
    this.#timer?.dispose();
  }

  #show(bytes: Uint8Array): void {
    this.#shownBytes += bytes.length;
    this.#emitLines(this.#unfinished + this.#decoder.decode(bytes, { stream: true }));
  }

  #emitLines(text: string): void {
    const end = text.lastIndexOf('\n') + 1;
    this.#unfinished = text.slice(end);
    if (end > 0) this.#options.onText(text.slice(0, end));
  }

  #leaveOut(bytes: Uint8Array): void {
    this.#leftOutBytes += bytes.length;
    // Copied, so that it does not keep the whole chunk alive.
    this.#tail =
      bytes.length >= TAIL_BYTES
        ? bytes.slice(-TAIL_BYTES)
        : Buffer.concat([this.#tail, bytes]).subarray(-TAIL_BYTES);
  }

  #watchWindow(now: number): void {
    this.#timer ??= this.#options.clock.setTimer(
      Math.max(0, this.#windowStart + WINDOW_MS - now),
      () => this.#nextWindow(this.#options.clock.now()),
      { unref: true },
    );
  }

  #nextWindow(now: number): void {
    this.#timer?.dispose();
    this.#timer = undefined;
    this.#flush();
    this.#windowStart = now;
    this.#shownBytes = 0;
    this.#readBytes = 0;
    if (this.#isHolding) this.#hold(false);
  }

  /** Tells what is held: a line that did not end (a prompt, perhaps), and what was left out. */
  #flush(): void {
    const unfinished = this.#unfinished + this.#decoder.decode();
    const leftOutBytes = this.#leftOutBytes;
    const tail = this.#tail;
    this.#unfinished = '';
    this.#decoder = new TextDecoder();
    this.#leftOutBytes = 0;
    this.#tail = new Uint8Array();
    if (unfinished !== '') this.#options.onText(`${unfinished}\n`);
    if (leftOutBytes === 0) return;
    // Its first line has lost its beginning.
    const end = tail.indexOf(LINE_FEED) + 1;
    const last = tail.subarray(leftOutBytes > tail.length && end > 0 && end < tail.length ? end : 0);
    const hidden = leftOutBytes - last.length;
    const note = hidden > 0 ? `(${hidden} bytes of its output were left out here)\n` : '';
    this.#options.onText(note + new TextDecoder().decode(last));
  }

  #hold(hold: boolean): void {
    this.#isHolding = hold;
    this.#options.holdReading(hold);
  }
}
