/** What a connection's launches wait for from its client, all together: one that takes no more calls may still ask while the next one is there. */
export class OpenQuestions {
  readonly #open = new Map<object, number>();

  /** `launch` waits for so many answers now. Answers how many are waited for in all. */
  note(launch: object, open: number): number {
    if (open > 0) this.#open.set(launch, open);
    else this.#open.delete(launch);
    let all = 0;
    for (const one of this.#open.values()) all += one;
    return all;
  }
}
