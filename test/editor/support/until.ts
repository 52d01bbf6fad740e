/** What a probe answers while the thing it looks for is not there yet. */
type NotYet = undefined | null | false;

/**
 * Waits until `probe` finds something. For what the editor announces by no event; where there is one, wait for that.
 * @param what for the error message: "until <what>"
 * @throws when `limitMs` is over, with the last error of the probe as cause
 */
export async function until<T>(
  what: string,
  probe: () => T | NotYet | Promise<T | NotYet>,
  limitMs = 15_000,
): Promise<T> {
  const end = performance.now() + limitMs;
  for (;;) {
    let cause: unknown;
    try {
      const found = await probe();
      if (found !== undefined && found !== null && found !== false) return found;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > end) throw new Error(`Waited ${limitMs} ms until ${what}`, { cause });
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}
