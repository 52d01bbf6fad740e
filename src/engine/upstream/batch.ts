/** Items of one batch; JSON-RPC sets no limit, so we do. */
const MAX_BATCH = 1_000;
const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** The messages of a JSON-RPC batch, each as a line; `undefined` when it is not JSON. */
export function itemsOfBatch(line: Uint8Array): readonly Uint8Array[] | undefined {
  try {
    const items: unknown = JSON.parse(decoder.decode(line));
    return (Array.isArray(items) ? items : [])
      .slice(0, MAX_BATCH)
      .map((item) => encoder.encode(JSON.stringify(item)));
  } catch {
    return undefined;
  }
}
