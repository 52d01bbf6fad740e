/**
 * A copy in memory of its own. `slice()` makes none where the bytes are a Node `Buffer`, as all are that come from a pipe or a socket: it gives a view, which
 * keeps the whole chunk alive that they came in.
 */
export function copyOf(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}
