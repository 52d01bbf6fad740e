/** A place as LSP tells it: line and UTF-16 unit, from 0. */
export interface Position {
  readonly line: number;
  readonly character: number;
}

export interface Range {
  readonly start: Position;
  readonly end: Position;
}

/** Offsets of a text as lines and characters, and back. */
export class TextPlaces {
  readonly #starts: number[] = [0];
  readonly #length: number;

  constructor(text: string) {
    this.#length = text.length;
    for (const match of text.matchAll(/\r\n|\r|\n/g)) this.#starts.push(match.index + match[0].length);
  }

  position(offset: number): Position {
    const at = Math.min(Math.max(0, offset), this.#length);
    let low = 0;
    let high = this.#starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((this.#starts[middle] ?? 0) <= at) low = middle;
      else high = middle;
    }
    return { line: low, character: at - (this.#starts[low] ?? 0) };
  }

  range({ offset, length }: { readonly offset: number; readonly length: number }): Range {
    return { start: this.position(offset), end: this.position(offset + length) };
  }

  /** The nearest offset of a place that may not be there. */
  offset({ line, character }: Position): number {
    const start = this.#starts[line];
    if (start === undefined) return line < 0 ? 0 : this.#length;
    const end = this.#starts[line + 1] ?? this.#length;
    return Math.min(start + Math.max(0, character), end);
  }
}
