const MAX_LENGTH = 500;
/** What programs write around an error and what says nothing by itself: places in the code, brackets, carets, the runtime's version. */
const isNoise = (line: string): boolean =>
  /^(?:\s*at .*|\s+\w+: .*|[\s{}()[\]^~.]*|Node\.js v[\d.]+|node:[\w/]+:\d+|\s*throw .*)$/.test(line);
/** `Error: …`, `ValueError: …`, `thread 'main' panicked …`, `fatal: …`. */
const isError = (line: string): boolean => /\b(?:\w*(?:Error|Exception)\b.*:|panicked\b|fatal\b)/i.test(line);

/** Of a server's last output what is most likely to tell why it ended, on one line. */
export function lastWords(output: string): string {
  const lines = output.split(/\r?\n/).filter((line) => !isNoise(line));
  const at = lines.findLastIndex(isError);
  // The error and what follows it; where nothing looks like an error, the last lines.
  const told = lines.slice(at >= 0 ? Math.max(at, lines.length - 3) : -3);
  const error = at >= 0 && at < lines.length - 3 ? lines.slice(at, at + 1) : [];
  const words = [...error, ...told].map((line) => line.trim()).join(' | ');
  return words.length > MAX_LENGTH ? `${words.slice(0, MAX_LENGTH)}…` : words;
}
