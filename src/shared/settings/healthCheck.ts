/** What a server is checked by, besides the ping (requirements R5.7). */
export type HealthCheck =
  /** A tool that the server declares read-only. */
  | { readonly kind: 'tool'; readonly tool: string; readonly arguments: Readonly<Record<string, unknown>> }
  /** `http:` or `https:`; any answer of 200 to 299 is well. */
  | { readonly kind: 'url'; readonly url: string }
  /** Exit code 0 is well. */
  | { readonly kind: 'command'; readonly command: string; readonly args: readonly string[] };

const MAX_NAME = 256;
const MAX_TEXT = 32_768;
const MAX_ARGS = 100;
const MAX_ARGUMENTS_LENGTH = 65_536;

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown, max: number): value is string {
  return typeof value === 'string' && value.trim() !== '' && value.length <= max && !value.includes('\0');
}

const keys = { tool: ['tool', 'arguments'], url: ['url'], command: ['command', 'args'] } as const;
const kinds = ['tool', 'url', 'command'] as const;

/** Reads `lifeline.healthCheck`; answers a sentence when it cannot be used. */
export function parseHealthCheck(
  value: unknown,
): { readonly check: HealthCheck } | { readonly problem: string } {
  const leftOut = '; the server is checked by ping only';
  if (!isRecord(value)) return { problem: `must be an object with "tool", "url" or "command"${leftOut}` };
  const [kind, ...others] = kinds.filter((name) => value[name] !== undefined);
  if (kind === undefined || others.length > 0)
    return { problem: `must have exactly one of "tool", "url" and "command"${leftOut}` };
  const known: readonly string[] = keys[kind];
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined)
    return { problem: `has "${unknown.slice(0, 100)}", which does not go with "${kind}"${leftOut}` };
  const check = { tool: readTool, url: readUrl, command: readCommand }[kind](value);
  return typeof check === 'string' ? { problem: `${check}${leftOut}` } : { check };
}

function readTool({ tool, arguments: given = {} }: Record<string, unknown>): HealthCheck | string {
  if (!isText(tool, MAX_NAME)) return 'must name a tool of the server';
  if (!isRecord(given) || JSON.stringify(given).length > MAX_ARGUMENTS_LENGTH)
    return 'must have "arguments" that are an object of at most 64 KB';
  return { kind: 'tool', tool, arguments: given };
}

function readUrl({ url }: Record<string, unknown>): HealthCheck | string {
  if (!isText(url, MAX_TEXT) || !URL.canParse(url))
    return 'must have a "url" such as "https://example.com/health"';
  const { protocol, username, password } = new URL(url);
  if (protocol !== 'http:' && protocol !== 'https:')
    return 'must have a "url" that begins with "https://" or "http://"';
  if (username !== '' || password !== '') return 'must have a "url" without user name and password';
  return { kind: 'url', url };
}

function readCommand({ command, args = [] }: Record<string, unknown>): HealthCheck | string {
  if (!isText(command, MAX_TEXT)) return 'must have a "command" that names a program';
  const isList = Array.isArray(args) && args.length <= MAX_ARGS;
  if (
    !isList ||
    !args.every((arg) => typeof arg === 'string' && arg.length <= MAX_TEXT && !arg.includes('\0'))
  )
    return 'must have "args" that are a list of texts';
  return { kind: 'command', command, args: args as string[] };
}
