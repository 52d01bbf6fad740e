import type { Clock } from '../../shared/base/clock.ts';
import type { Disposable } from '../../shared/base/disposable.ts';
import type { Cut } from '../../shared/redaction/redactor.ts';

export interface StderrGateOptions {
  readonly clock: Clock;
  /** Text to show: whole lines, unless one does not end. */
  readonly onText: (text: string) => void;
  /** Takes secrets out of what is shown; `cut` tells where a line was torn apart. */
  readonly redact: (text: string, cut: Cut) => string;
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
  /** The line that comes next has lost its beginning, which was told, or left out. */
  #isTorn = false;
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
    if (end > 0) this.#tell(text.slice(0, end), false);
  }

  #tell(text: string, isCutAtEnd: boolean): void {
    const redacted = this.#options.redact(text, { start: this.#isTorn, end: isCutAtEnd });
    this.#isTorn = isCutAtEnd;
    this.#options.onText(isCutAtEnd && text !== '' && !redacted.endsWith('\n') ? `${redacted}\n` : redacted);
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
    // What was left out and is all there still goes on where the line was torn.
    const isWhole = this.#leftOutBytes <= this.#tail.length;
    const unfinished = this.#unfinished + this.#decoder.decode(isWhole ? this.#tail : undefined);
    const leftOutBytes = isWhole ? 0 : this.#leftOutBytes;
    const tail = this.#tail;
    this.#unfinished = '';
    this.#decoder = new TextDecoder();
    this.#leftOutBytes = 0;
    this.#tail = new Uint8Array();
    if (unfinished !== '') this.#tell(unfinished, !unfinished.endsWith('\n'));
    if (leftOutBytes === 0) return;
    // Its first line has lost its beginning.
    const end = tail.indexOf(LINE_FEED) + 1;
    const hasLine = end > 0 && end < tail.length;
    const last = tail.subarray(hasLine ? end : 0);
    this.#options.onText(`(${leftOutBytes - last.length} bytes of its output were left out here)\n`);
    this.#isTorn = !hasLine;
    this.#tell(new TextDecoder().decode(last), last.at(-1) !== LINE_FEED);
  }

  #hold(hold: boolean): void {
    this.#isHolding = hold;
    this.#options.holdReading(hold);
  }
}
