const LINE_FEED = 0x0a;
const END = new Uint8Array([LINE_FEED]);
/** Lines are joined, so that one write takes them all, unless they are longer than this together. */
const JOIN_BELOW_BYTES = 65_536;

/** As much of a writable stream as is used here. */
interface Sink {
  cork(): void;
  uncork(): void;
  write(piece: Uint8Array, done?: (error?: Error | null) => void): boolean;
}

/** In one write; answers whether the stream takes more at once. `done` is called after the last piece. */
export function writePieces(
  sink: Sink,
  pieces: readonly Uint8Array[],
  done?: (error?: Error | null) => void,
): boolean {
  if (pieces.length > 1) sink.cork();
  let takesMore = true;
  for (const [index, piece] of pieces.entries())
    takesMore = sink.write(piece, index === pieces.length - 1 ? done : undefined);
  if (pieces.length > 1) sink.uncork();
  return takesMore;
}

/** Lines that leave together. */
export class LineBatch {
  #lines: Uint8Array[] = [];
  #sizeBytes = 0;

  get isEmpty(): boolean {
    return this.#sizeBytes === 0;
  }

  /** With the line ends. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Adds a line without its end. Its bytes must not change any more. */
  add(line: Uint8Array): void {
    this.#lines.push(line);
    this.#sizeBytes += line.length + 1;
  }

  /** All that was added, with the line ends: in one piece unless it is long, so that a long line is not copied. The batch is empty then. */
  take(): readonly Uint8Array[] {
    const lines = this.#lines;
    const sizeBytes = this.#sizeBytes;
    this.#lines = [];
    this.#sizeBytes = 0;
    if (sizeBytes > JOIN_BELOW_BYTES) return lines.flatMap((line) => [line, END]);
    const whole = new Uint8Array(sizeBytes);
    let at = 0;
    for (const line of lines) {
      whole.set(line, at);
      at += line.length + 1;
      whole[at - 1] = LINE_FEED;
    }
    return [whole];
  }
}
