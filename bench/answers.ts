/** Answers that come as lines, given to those who wait for them by id. Looks for ids only, and drops what nobody waits for. */
export class Answers {
  readonly #waiting = new Map<number, (line: string) => void>();
  #rest = '';

  get open(): number {
    return this.#waiting.size;
  }

  /** Resolves with the line of the answer. */
  of(id: number): Promise<string> {
    return new Promise((resolve) => this.#waiting.set(id, resolve));
  }

  /** @param chunk in latin1: nothing but ASCII is looked for */
  onChunk(chunk: string): void {
    // A line that is not over yet is kept without being read; a gigabyte of it is not kept.
    if (!chunk.includes('\n')) {
      if (this.#rest.length < 200_000_000) this.#rest += chunk;
      return;
    }
    const lines = (this.#rest + chunk).split('\n');
    this.#rest = lines.pop() ?? '';
    if (this.#waiting.size === 0) return;
    for (const line of lines) {
      const id = idOf(line);
      const done = this.#waiting.get(id);
      this.#waiting.delete(id);
      done?.(line);
    }
  }
}

/** The id of an answer with a number for an id, at either end of it; else NaN. */
export function idOf(line: string): number {
  const id = /"id":(\d+)/.exec(line.slice(0, 40))?.[1] ?? /"id":(\d+)\}$/.exec(line.slice(-40))?.[1];
  return Number(id);
}
