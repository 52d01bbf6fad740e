import { copyOf } from '../base/copyOf.ts';

/**
 * Cuts a byte stream into lines without copying what arrives in one piece, and without ever joining the pieces of
 * a long line more than once (chunk-list framing: naive concatenation is quadratic in the number of chunks).
 */

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
/** How much of a dropped line its report shows. */
const HEAD_BYTES = 4_096;
const TAIL_BYTES = 256;

export class LineSplitter {
  readonly #maxLineBytes: number;
  readonly #onTooLong: (sizeBytes: number, head: Uint8Array, tail?: Uint8Array) => void;
  #head: Uint8Array = new Uint8Array();
  #tail: Uint8Array = new Uint8Array();
  #pieces: Uint8Array[] = [];
  #sizeBytes = 0;
  /** The current line is over the limit; it is dropped up to its end. */
  #skipping = false;

  /**
   * A line over `maxLineBytes` is dropped and reported when it crosses the limit, with its first bytes, and again when it ends, with its
   * last bytes too.
   */
  constructor(
    maxLineBytes: number,
    onTooLong: (sizeBytes: number, head: Uint8Array, tail?: Uint8Array) => void,
  ) {
    this.#maxLineBytes = maxLineBytes;
    this.#onTooLong = onTooLong;
  }

  /** Nothing of an unfinished line is held. */
  isAtLineStart(): boolean {
    return this.#sizeBytes === 0;
  }

  /** Answers the lines that are whole now, without their line ends, empty ones left out. They may share memory with `chunk`. */
  push(chunk: Uint8Array): Uint8Array[] {
    const lines: Uint8Array[] = [];
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(LINE_FEED, start);
      if (end < 0) break;
      this.#append(chunk.subarray(start, end));
      const line = this.#take();
      if (line !== undefined && line.length > 0) lines.push(line);
      start = end + 1;
    }
    if (start < chunk.length) this.#append(chunk.subarray(start));
    return lines;
  }

  #append(piece: Uint8Array): void {
    this.#sizeBytes += piece.length;
    if (this.#skipping) {
      this.#keepTail(piece);
      return;
    }
    if (this.#sizeBytes > this.#maxLineBytes) {
      this.#skipping = true;
      this.#head = copyOf((this.#pieces[0] ?? piece).subarray(0, HEAD_BYTES));
      this.#keepTail(piece);
      this.#pieces = [];
      this.#onTooLong(this.#sizeBytes, this.#head);
    } else if (piece.length > 0) this.#pieces.push(piece);
  }

  #keepTail(piece: Uint8Array): void {
    this.#tail =
      piece.length >= TAIL_BYTES
        ? piece.subarray(-TAIL_BYTES)
        : join([this.#tail, piece], this.#tail.length + piece.length).subarray(-TAIL_BYTES);
  }

  #take(): Uint8Array | undefined {
    const pieces = this.#pieces;
    const skipped = this.#skipping;
    const sizeBytes = this.#sizeBytes;
    this.#pieces = [];
    this.#sizeBytes = 0;
    this.#skipping = false;
    if (skipped) {
      const tail = this.#tail;
      this.#tail = new Uint8Array();
      this.#onTooLong(sizeBytes, this.#head, tail);
      return undefined;
    }
    const line = pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : join(pieces, sizeBytes);
    return line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line;
  }
}

function join(pieces: readonly Uint8Array[], sizeBytes: number): Uint8Array {
  const whole = new Uint8Array(sizeBytes);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
