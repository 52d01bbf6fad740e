/** So many pieces are put together into one: a piece is an object of some hundred bytes, whatever it holds. */
const MAX_LOOSE = 256;

/**
 * The bytes of something that comes in pieces. What it takes is about what they hold, also when a server sends them one by one
 * (requirements R14.3).
 */
export class Pieces {
  #joined: Uint8Array[] = [];
  #loose: Uint8Array[] = [];
  #sizeBytes = 0;

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** How many objects they are kept in. */
  get count(): number {
    return this.#joined.length + this.#loose.length;
  }

  push(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.#sizeBytes += piece.length;
    this.#loose.push(piece);
    if (this.#loose.length < MAX_LOOSE) return;
    this.#joined.push(Buffer.concat(this.#loose));
    this.#loose = [];
  }

  /** All of them in one; a copy unless there is only one piece. */
  join(): Uint8Array {
    const all = [...this.#joined, ...this.#loose];
    const [first] = all;
    return all.length === 1 && first !== undefined ? first : Buffer.concat(all);
  }

  /** A copy of the first bytes, at most so many. */
  head(maxBytes: number): Uint8Array {
    const head: Uint8Array[] = [];
    let sizeBytes = 0;
    for (const piece of [...this.#joined, ...this.#loose]) {
      if (sizeBytes >= maxBytes) break;
      head.push(piece);
      sizeBytes += piece.length;
    }
    return Buffer.concat(head, Math.min(sizeBytes, maxBytes));
  }

  clear(): void {
    this.#joined = [];
    this.#loose = [];
    this.#sizeBytes = 0;
  }
}
