/** Different texts that are remembered; then it begins anew. Clients send few, again and again. */
const MAX_TEXTS = 256;
/** Longer ones are read each time: what is remembered stays small, whatever comes. */
const MAX_LENGTH = 256;

/** A pure function of a header's text that is not worked out again for a text it has just had. */
export function remembered<Text extends string | undefined, Value>(
  read: (text: Text) => Value,
): (text: Text) => Value {
  const known = new Map<Text, Value>();
  return (text) => {
    const before = known.get(text);
    if (before !== undefined) return before;
    const value = read(text);
    if (text === undefined || text.length <= MAX_LENGTH) {
      if (known.size >= MAX_TEXTS) known.clear();
      known.set(text, value);
    }
    return value;
  };
}
