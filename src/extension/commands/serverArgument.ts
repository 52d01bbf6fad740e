/**
 * The server that a command is about: its name (links, other extensions), or the tree's node. `undefined` when the
 * command was run without one; anything else is none of ours, and treated the same.
 */
export function serverArgument(argument: unknown): string | undefined {
  if (typeof argument === 'string') return argument === '' ? undefined : argument;
  if (typeof argument !== 'object' || argument === null) return undefined;
  const { server } = argument as { server?: unknown };
  return typeof server === 'string' && server !== '' ? server : undefined;
}
