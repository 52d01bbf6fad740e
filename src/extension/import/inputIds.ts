/** An entry with other ids in its `${input:…}`, all changed at once, so that a new id that was another's old one is not changed again. */
export function withInputIds(value: unknown, ids: ReadonlyMap<string, string>): unknown {
  if (typeof value === 'string')
    return value.replace(/\$\{input:([^{}]*)\}/g, (whole: string, id: string) =>
      ids.has(id) ? `\${input:${ids.get(id) ?? id}}` : whole,
    );
  if (Array.isArray(value)) return value.map((item) => withInputIds(item, ids));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withInputIds(item, ids)]));
}
