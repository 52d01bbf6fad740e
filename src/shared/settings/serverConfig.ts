import { parseHealthCheck, type HealthCheck } from './healthCheck.ts';
import type { SettingsProblem } from '../model/snapshot.ts';
import type { Tier } from '../model/tier.ts';
import { parseWatch, type WatchEntry } from './watch.ts';

/**
 * One entry of `mcpLifeline.servers` (or of an `mcp.json`), checked. The shape is the editor's own plus a
 * `lifeline` object (design §6).
 */
export interface StdioServerConfig {
  readonly type: 'stdio';
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** `null` removes a variable. */
  readonly env: Readonly<Record<string, string | null>>;
  readonly cwd: string | undefined;
  readonly lifeline: LifelineServerOptions;
}

/** A server reached by Streamable HTTP. */
export interface HttpServerConfig {
  readonly type: 'http';
  readonly name: string;
  /** Absolute, `http:` or `https:`, without credentials. */
  readonly url: string;
  /** Sent with every request; may hold secrets. */
  readonly headers: Readonly<Record<string, string>>;
  readonly lifeline: LifelineServerOptions;
}

export interface LifelineServerOptions {
  readonly enabled: boolean;
  /** Started, and kept running, before anybody uses it (requirements R5.0). */
  readonly keepWarm: boolean;
  readonly tier: Tier;
  /** Believe `readOnlyHint` and `idempotentHint` for retries. */
  readonly trustAnnotations: boolean;
  /** The first tool result after a restart says that the server's memory may be gone (requirements R5.11). */
  readonly tellRestarts: boolean;
  /** While it is down, reads are answered with their last good answer, marked as stale (requirements R6.2). */
  readonly staleAnswers: boolean;
  /** Per-server connection settings as written; checked by `parseConnectionSettings`. */
  readonly connection: unknown;
  /** Per-server alert settings as written; checked by `parseAlertSettings`. */
  readonly alerts?: unknown;
  /** What it is checked by besides the ping; absent: nothing. */
  readonly healthCheck?: HealthCheck;
  /** Numbers that it reports, sampled now and then (requirements R11.7). Absent: none. */
  readonly watch?: readonly WatchEntry[];
  /** Request deadline per tool name, seconds. */
  readonly timeouts: ReadonlyMap<string, number>;
  /** `single`: one connection serves all sessions, for a server that holds a port, a lock or a browser profile. */
  readonly instances: 'perSession' | 'single';
  /** Processes of a local server that keeps no state, shared by all sessions, 1 to 10; 1: no pool. */
  readonly pool: number;
  /** Requests a second at most, 1 to 1,000; absent: as many as the server bears. */
  readonly maxRate?: number;
  /** Further addresses of the same HTTP server, in the order of preference after `url`. */
  readonly endpoints: readonly string[];
}

export type ServerConfig = StdioServerConfig | HttpServerConfig;

/** Processes (or connections) of a server that all its sessions share, at most; 0: each session has its own. */
export function sharedProcesses(config: ServerConfig | undefined): number {
  if (config === undefined) return 0;
  const { instances, pool } = config.lifeline;
  if (instances === 'single') return 1;
  return pool > 1 ? pool : 0;
}

/** Whether a server is reached over a network, where other defaults hold (requirements R2); another port of this machine is none. */
export function isRemote(config: ServerConfig): boolean {
  if (config.type === 'stdio') return false;
  const local = /^(?:localhost|.*\.localhost|127\.\d+\.\d+\.\d+|\[::1\])$/i;
  return endpointsOf(config).some((url) => !local.test(new URL(url).hostname));
}

/** Every address of a server, the preferred one first. */
export function endpointsOf(config: HttpServerConfig): readonly string[] {
  return [config.url, ...config.lifeline.endpoints];
}

/** An address as it may be shown: its query may hold a key. */
export function withoutQuery(url: string): string {
  return url.slice(0, /[?#]|$/.exec(url)?.index);
}

export interface ParsedServer {
  /** Absent when the entry cannot be used; `problems` says why. */
  readonly config: ServerConfig | undefined;
  readonly problems: readonly SettingsProblem[];
}

const MAX_NAME = 128;
const MAX_TEXT = 32_768;
const MAX_ITEMS = 1_000;
const MAX_HEADERS = 100;
const MAX_ENDPOINTS = 16;

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Short enough, and without the character that ends a text for the operating system. */
function isText(value: string): boolean {
  return value.length <= MAX_TEXT && !value.includes('\0');
}

const entryKeys = new Set([
  'type',
  'command',
  'args',
  'env',
  'cwd',
  'url',
  'headers',
  'lifeline',
  'dev',
  'envFile',
]);
const lifelineKeys = new Set([
  'enabled',
  'tier',
  'connection',
  'trustAnnotations',
  'timeouts',
  'keepWarm',
  'tellRestarts',
  'instances',
  'pool',
  'cache',
  'endpoints',
  'healthCheck',
  'rateLimit',
  'alerts',
  'watch',
]);
/** Known to the configuration contract, served by later versions: named once, not an error. */
const laterLifelineKeys = new Set(['compression', 'paging']);

class Reader {
  readonly problems: SettingsProblem[] = [];

  report(path: string, message: string): void {
    if (this.problems.length < 50) this.problems.push({ path, message });
  }

  text(path: string, value: unknown): string | undefined {
    if (value === undefined) return undefined;
    if (typeof value === 'string' && isText(value)) return value;
    this.report(path, 'must be text; it is ignored');
    return undefined;
  }

  flag(path: string, value: unknown, fallback: boolean): boolean {
    if (value === undefined || typeof value === 'boolean') return value ?? fallback;
    this.report(path, `must be true or false; ${String(fallback)} is used`);
    return fallback;
  }
}

function readArgs(reader: Reader, path: string, value: unknown): readonly string[] | undefined {
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.length > MAX_ITEMS) {
    reader.report(path, 'must be a list of texts; the server is not started');
    return undefined;
  }
  const args: string[] = [];
  for (const [index, item] of value.entries()) {
    if (typeof item === 'string' && item.length <= MAX_TEXT && !item.includes('\0')) args.push(item);
    else {
      // An argument left out would start another command than the one that was meant.
      reader.report(`${path}[${index}]`, 'must be text; the server is not started');
      return undefined;
    }
  }
  return args;
}

function readEnv(reader: Reader, path: string, value: unknown): Record<string, string | null> {
  const env: Record<string, string | null> = {};
  if (value === undefined) return env;
  if (!isRecord(value)) {
    reader.report(path, 'must be an object of texts; it is ignored');
    return env;
  }
  for (const [name, item] of Object.entries(value).slice(0, MAX_ITEMS)) {
    if (name === '' || name === '__proto__' || name.includes('=') || name.includes('\0')) {
      reader.report(`${path}.${name}`, 'is not a name of an environment variable; it is ignored');
    } else if (item === null) env[name] = null;
    else if ((typeof item === 'string' || typeof item === 'number') && !String(item).includes('\0')) {
      env[name] = String(item);
    } else reader.report(`${path}.${name}`, 'must be text, a number or null; it is ignored');
  }
  return env;
}

/** RFC 9110 §5.6.2 and §5.5: a token, and visible characters with blanks between them. */
const headerName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,256}$/;
const headerValue = /^[\t\u0020-\u007e\u0080-\u00ff]*$/;
/** Headers that the protocol itself sets; an entry that sets one would break its own server. */
const ownHeaders = new Set([
  'accept',
  'accept-encoding',
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'host',
  'keep-alive',
  'last-event-id',
  'mcp-session-id',
  'mcp-protocol-version',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

function readHeaders(reader: Reader, path: string, value: unknown): Record<string, string> {
  const headers: Record<string, string> = {};
  if (value === undefined) return headers;
  if (!isRecord(value)) {
    reader.report(path, 'must be an object of texts; it is ignored');
    return headers;
  }
  const seen = new Set<string>();
  for (const [name, item] of Object.entries(value).slice(0, MAX_HEADERS)) {
    const place = `${path}.${name}`;
    if (seen.has(name.toLowerCase())) {
      reader.report(place, 'is there already in another spelling; it is ignored');
      continue;
    }
    seen.add(name.toLowerCase());
    if (!headerName.test(name)) reader.report(place, 'is not a name of an HTTP header; it is ignored');
    else if (ownHeaders.has(name.toLowerCase()))
      reader.report(place, 'is set by the protocol itself; it is ignored');
    else if (typeof item !== 'string' || item.length > MAX_TEXT || !headerValue.test(item))
      reader.report(place, 'must be text that may stand in an HTTP header; it is ignored');
    else headers[name] = item;
  }
  return headers;
}

/** Answers the URL, or a sentence that says why it cannot be used. */
function readUrl(value: unknown): { readonly url: string } | { readonly problem: string } {
  const leftOut = '; the server is left out';
  if (typeof value !== 'string' || value.length > MAX_TEXT || !URL.canParse(value))
    return { problem: `must be the address of the server, such as "https://example.com/mcp"${leftOut}` };
  const url = new URL(value);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    return { problem: `must begin with "https://" or "http://"${leftOut}` };
  // They would end up in logs and error texts.
  if (url.username !== '' || url.password !== '')
    return { problem: `must not hold a user name or password; put them into "headers"${leftOut}` };
  url.hash = '';
  return { url: url.href };
}

/** `first` is the entry's `url`; what is there already is not tried twice. */
function readEndpoints(reader: Reader, path: string, value: unknown, first: string): readonly string[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) {
    reader.report(path, 'must be a list of addresses; it is ignored');
    return [];
  }
  const endpoints: string[] = [];
  for (const [index, item] of value.entries()) {
    const place = `${path}[${index}]`;
    if (endpoints.length >= MAX_ENDPOINTS) {
      reader.report(place, `is one too many: ${MAX_ENDPOINTS} addresses are the most; it is ignored`);
      break;
    }
    const read = readUrl(item);
    if ('problem' in read)
      reader.report(place, read.problem.replace('the server is left out', 'it is ignored'));
    else if (read.url !== first && !endpoints.includes(read.url)) endpoints.push(read.url);
  }
  return endpoints;
}

function readTimeouts(reader: Reader, path: string, value: unknown): ReadonlyMap<string, number> {
  // A map, because tools may be called `constructor` or `toString`.
  const timeouts = new Map<string, number>();
  if (value === undefined) return timeouts;
  if (!isRecord(value)) {
    reader.report(path, 'must be an object of seconds by tool name; it is ignored');
    return timeouts;
  }
  for (const [tool, seconds] of Object.entries(value).slice(0, MAX_ITEMS)) {
    if (typeof seconds === 'number' && seconds >= 1 && seconds <= 600) timeouts.set(tool, seconds);
    else reader.report(`${path}.${tool}`, 'must be between 1 and 600 (seconds); the default is used');
  }
  return timeouts;
}

/** Of the cache there is only one part yet. */
function readCache(reader: Reader, path: string, value: unknown): boolean {
  if (value === undefined) return false;
  if (!isRecord(value)) {
    reader.report(path, 'must be an object; it is ignored');
    return false;
  }
  for (const key of Object.keys(value)) {
    if (['tools', 'levels', 'ttl'].includes(key))
      reader.report(`${path}.${key}`, 'is not supported by this version; it is ignored');
    else if (key !== 'stale') reader.report(`${path}.${key}`, 'is not a known setting; it is ignored');
  }
  return reader.flag(`${path}.stale`, value['stale'], false);
}

/** Requests a second (requirements R10.2). */
const MIN_RATE = 1;
const MAX_RATE = 1_000;

function readRateLimit(reader: Reader, path: string, value: unknown): Pick<LifelineServerOptions, 'maxRate'> {
  if (value === undefined) return {};
  if (!isRecord(value)) {
    reader.report(path, 'must be an object; it is ignored');
    return {};
  }
  for (const key of Object.keys(value))
    if (key !== 'max') reader.report(`${path}.${key}`, 'is not a known setting; it is ignored');
  const { max } = value;
  if (max === undefined) return {};
  if (typeof max === 'number' && max >= MIN_RATE && max <= MAX_RATE) return { maxRate: max };
  const problem = `must be between ${MIN_RATE} and ${MAX_RATE} (requests per second); it is ignored`;
  reader.report(`${path}.max`, problem);
  return {};
}

/** What counts where an entry does not say. */
export interface LifelineDefaults {
  readonly trustByDefault: boolean;
  /** Default `true`. */
  readonly tellRestarts?: boolean | undefined;
}

const MAX_POOL = 10;

/** How many sessions a process serves, and how many processes the sessions. */
function readInstances(
  reader: Reader,
  path: string,
  options: Record<string, unknown>,
  type: unknown,
): Pick<LifelineServerOptions, 'instances' | 'pool'> {
  const { instances = 'perSession', pool = 1 } = options;
  const isSingle = instances === 'single';
  if (!isSingle && instances !== 'perSession')
    reader.report(`${path}.instances`, 'must be "perSession" or "single"; "perSession" is used');
  const isPool = typeof pool === 'number' && Number.isInteger(pool) && pool >= 1 && pool <= MAX_POOL;
  if (!isPool) reader.report(`${path}.pool`, `must be a whole number between 1 and ${MAX_POOL}; 1 is used`);
  else if (pool > 1 && type !== 'stdio')
    reader.report(`${path}.pool`, 'is for servers that are started by a command; it is ignored');
  // Whoever says that there may be one process only has a reason: a port, a lock, a profile.
  else if (pool > 1 && isSingle)
    reader.report(`${path}.pool`, 'contradicts "instances": "single"; it is ignored');
  else return { instances: isSingle ? 'single' : 'perSession', pool };
  return { instances: isSingle ? 'single' : 'perSession', pool: 1 };
}

function readHealthCheck(
  reader: Reader,
  path: string,
  value: unknown,
): Pick<LifelineServerOptions, 'healthCheck'> {
  if (value === undefined) return {};
  const read = parseHealthCheck(value);
  if ('check' in read) return { healthCheck: read.check };
  reader.report(path, read.problem);
  return {};
}

function readWatch(reader: Reader, path: string, value: unknown): Pick<LifelineServerOptions, 'watch'> {
  const { watches, problems } = parseWatch(path, value);
  for (const { path: place, message } of problems) reader.report(place, message);
  return watches.length === 0 ? {} : { watch: watches };
}

function readLifeline(
  reader: Reader,
  path: string,
  value: unknown,
  { type, ...defaults }: LifelineDefaults & { readonly type: unknown },
): LifelineServerOptions {
  let options: Record<string, unknown> = {};
  if (isRecord(value)) options = value;
  else if (value !== undefined) reader.report(path, 'must be an object; it is ignored');
  for (const key of Object.keys(options)) {
    if (laterLifelineKeys.has(key))
      reader.report(`${path}.${key}`, 'is not supported by this version; it is ignored');
    else if (!lifelineKeys.has(key)) reader.report(`${path}.${key}`, 'is not a known setting; it is ignored');
  }
  let tier: LifelineServerOptions['tier'] = 'medium';
  if (options['tier'] === 'critical' || options['tier'] === 'high') tier = options['tier'];
  else if (options['tier'] !== undefined && options['tier'] !== 'medium') {
    reader.report(`${path}.tier`, 'must be "critical", "high" or "medium"; "medium" is used');
  }
  return {
    enabled: reader.flag(`${path}.enabled`, options['enabled'], true),
    keepWarm: reader.flag(`${path}.keepWarm`, options['keepWarm'], false),
    tier,
    trustAnnotations: reader.flag(
      `${path}.trustAnnotations`,
      options['trustAnnotations'],
      defaults.trustByDefault,
    ),
    staleAnswers: readCache(reader, `${path}.cache`, options['cache']),
    tellRestarts: reader.flag(`${path}.tellRestarts`, options['tellRestarts'], defaults.tellRestarts ?? true),
    connection: options['connection'],
    ...(options['alerts'] === undefined ? {} : { alerts: options['alerts'] }),
    timeouts: readTimeouts(reader, `${path}.timeouts`, options['timeouts']),
    ...readHealthCheck(reader, `${path}.healthCheck`, options['healthCheck']),
    ...readRateLimit(reader, `${path}.rateLimit`, options['rateLimit']),
    ...readWatch(reader, `${path}.watch`, options['watch']),
    ...readInstances(reader, path, options, type),
    endpoints: [],
  };
}

/** What is said of an entry whose name an earlier one has too, but for upper and lower case. It is left out. */
export function nameClashMessage(first: string): string {
  return `has the same name as "${first}" but for upper and lower case; VS Code would switch one of them off. It is left out`;
}

/**
 * Checks one entry. Never throws: what cannot be used is reported with its path (under `pathPrefix`), and the
 * rest of the entry is used. `trustByDefault` is true for entries of the user's own settings.
 */
export function parseServerConfig(
  name: string,
  entry: unknown,
  options: { readonly pathPrefix: string } & LifelineDefaults,
): ParsedServer {
  const reader = new Reader();
  const path = `${options.pathPrefix}.${name}`;
  const unusable = (at: string, message: string): ParsedServer => {
    reader.report(at, message);
    return { config: undefined, problems: reader.problems };
  };
  // eslint-disable-next-line no-control-regex -- control characters are exactly what a name must not hold
  if (name.trim() === '' || name.length > MAX_NAME || /[\u0000-\u001f]/.test(name)) {
    return unusable(path, `needs a name of 1 to ${MAX_NAME} printable characters; the server is left out`);
  }
  // Neither an argument of the bridge nor an address can hold half a character.
  if (/\p{Surrogate}/u.test(name))
    return unusable(path, 'needs a name of whole characters; the server is left out');
  // Addresses cannot hold them, not even escaped (WHATWG URL, "double-dot path segment").
  if (name === '.' || name === '..')
    return unusable(path, 'needs another name than "." or ".."; the server is left out');
  if (!isRecord(entry)) return unusable(path, 'must be an object; the server is left out');
  for (const key of Object.keys(entry)) {
    if (!entryKeys.has(key)) reader.report(`${path}.${key}`, 'is not a known setting; it is ignored');
    // Without it a server starts with half its environment, and nobody sees why it fails.
    else if (key === 'envFile')
      reader.report(
        `${path}.${key}`,
        'is not supported by this version; put what it holds into "env". It is ignored',
      );
  }
  const type = entry['type'] ?? (entry['url'] === undefined ? 'stdio' : 'http');
  const lifeline = readLifeline(reader, `${path}.lifeline`, entry['lifeline'], { ...options, type });
  if (type === 'sse') {
    return unusable(
      `${path}.type`,
      'the older HTTP+SSE transport is not supported by this version; if the server knows Streamable HTTP, write "http". The server is left out',
    );
  }
  const listed = isRecord(entry['lifeline']) ? entry['lifeline']['endpoints'] : undefined;
  if (type === 'http') {
    const read = readUrl(entry['url']);
    if ('problem' in read) return unusable(`${path}.url`, read.problem);
    const headers = readHeaders(reader, `${path}.headers`, entry['headers']);
    const endpoints = readEndpoints(reader, `${path}.lifeline.endpoints`, listed, read.url);
    const config = { type, name, url: read.url, headers, lifeline: { ...lifeline, endpoints } } as const;
    return { config, problems: reader.problems };
  }
  if (type !== 'stdio') return unusable(`${path}.type`, 'must be "stdio" or "http"; the server is left out');
  if (listed !== undefined)
    reader.report(`${path}.lifeline.endpoints`, 'is for servers of type "http" only; it is ignored');
  const { command } = entry;
  if (typeof command !== 'string' || !isText(command) || command.trim() === '') {
    return unusable(
      `${path}.command`,
      'must name the program that starts the server; the server is left out',
    );
  }
  const args = readArgs(reader, `${path}.args`, entry['args']);
  if (args === undefined) return { config: undefined, problems: reader.problems };
  const config: StdioServerConfig = {
    type: 'stdio',
    name,
    command,
    args,
    env: readEnv(reader, `${path}.env`, entry['env']),
    cwd: reader.text(`${path}.cwd`, entry['cwd']),
    lifeline,
  };
  return { config, problems: reader.problems };
}
