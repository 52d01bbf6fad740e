/** Levels of `logging/setLevel`, most verbose first (MCP specification, Logging; RFC 5424 §6.2.1). */
const levels = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'];

/** A client that asked for no level sees this, and what is worse, as soon as another client has asked for one. */
const UNASKED_LEVEL = 'info';

export function isLogLevel(text: string | undefined): text is string {
  return text !== undefined && levels.includes(text);
}

/** The level at which everybody hears what they asked for; absent when nobody asked for one. */
export function mostVerbose(asked: Iterable<string | undefined>): string | undefined {
  let index = levels.length;
  for (const level of asked) if (isLogLevel(level)) index = Math.min(index, levels.indexOf(level));
  return levels[index];
}

/** Whether a message of `level` is for a client that asked for `own`, at a server that has been told `told`. */
export function isLoud(
  level: string | undefined,
  own: string | undefined,
  told: string | undefined,
): boolean {
  // Nobody asked for anything, and the server says what it likes; or it says something that is no level.
  if (told === undefined || !isLogLevel(level)) return true;
  return levels.indexOf(level) >= levels.indexOf(isLogLevel(own) ? own : UNASKED_LEVEL);
}
