import { parse as parseToml, TomlError } from 'smol-toml';
import { parseInputs } from '../../shared/settings/inputs.ts';
import { readJson } from '../../shared/settings/jsonc.ts';
import { anyScope, parseServerTemplate } from '../../shared/settings/serverTemplate.ts';
import { inputsIn } from '../../shared/settings/variables.ts';
import { refusalOf } from './adopt.ts';
import type { SourceFormat } from './sources.ts';

/** A server that was found in a file of another client, in our own words. */
export interface FoundServer {
  readonly name: string;
  /** Absent when it cannot be taken over; `reason` says why. */
  readonly entry: Readonly<Record<string, unknown>> | undefined;
  readonly reason: string | undefined;
  /** What is left out or means something else, each a sentence. */
  readonly notes: readonly string[];
  /** Definitions that it names. */
  readonly inputs: readonly unknown[];
}

export interface ReadSource {
  readonly servers: readonly FoundServer[];
  /** Why the file, or a part of it, cannot be used, with its place; values of it are never quoted. */
  readonly problems: readonly string[];
}

export const MAX_SOURCE_BYTES = 4_194_304;
const MAX_SERVERS = 500;
const MAX_NAME = 128;

type Entry = Record<string, unknown>;

function isRecord(value: unknown): value is Entry {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Reads a file of a client. Never throws: what cannot be used is told, and the rest goes on. */
export function readSource(text: string, format: SourceFormat): ReadSource {
  if (text.length > MAX_SOURCE_BYTES)
    return { servers: [], problems: [`It is longer than ${MAX_SOURCE_BYTES} characters.`] };
  const read = format === 'codex' ? readToml(text) : readJson(text);
  if ('problem' in read) return { servers: [], problems: [`It cannot be read: ${read.problem}`] };
  if (!isRecord(read.value)) return { servers: [], problems: ['It is not an object.'] };
  const root = read.value;
  const key = format === 'vscode' ? 'servers' : format === 'codex' ? 'mcp_servers' : 'mcpServers';
  const servers = root[key];
  if (servers === undefined) return { servers: [], problems: [] };
  if (!isRecord(servers)) return { servers: [], problems: [`"${key}" is not an object.`] };
  const problems: string[] = [];
  const names = Object.keys(servers);
  if (names.length > MAX_SERVERS)
    problems.push(`"${key}" has over ${MAX_SERVERS} servers; the rest is left out.`);
  const defined: unknown[] = format === 'vscode' && Array.isArray(root['inputs']) ? root['inputs'] : [];
  const found = names
    .slice(0, MAX_SERVERS)
    .map((name) => readServer(name.slice(0, MAX_NAME), servers[name], format, defined));
  return { servers: found, problems };
}

function readToml(text: string): { readonly value: unknown } | { readonly problem: string } {
  try {
    // Plain data, as JSON has it: no dates, no objects without a prototype.
    return { value: JSON.parse(JSON.stringify(parseToml(text))) as unknown };
  } catch (error) {
    // Its message quotes the lines around, which may hold tokens.
    return {
      problem: error instanceof TomlError ? `a mistake in line ${error.line}.` : 'it is no TOML.',
    };
  }
}

function readServer(
  name: string,
  given: unknown,
  format: SourceFormat,
  defined: readonly unknown[],
): FoundServer {
  const refused = (reason: string): FoundServer => ({
    name,
    entry: undefined,
    reason,
    notes: [],
    inputs: [],
  });
  if (!isRecord(given)) return refused('It is not an object.');
  const notes: string[] = [];
  const entry =
    format === 'vscode'
      ? { ...given }
      : format === 'codex'
        ? fromCodex(given, notes)
        : fromOthers(given, format, notes);
  const reason = refusalOf(name, withoutUnknown(name, entry, notes));
  if (reason !== undefined) return refused(`It ${sentence(reason)}`);
  const clean = withoutUnknown(name, entry, []);
  const inputs: unknown[] = [];
  for (const id of new Set(inputsIn(JSON.stringify(clean)))) {
    const input = defined.find((one) => isRecord(one) && one['id'] === id);
    if (parseInputs(input === undefined ? [] : [input], 'inputs').inputs.length === 0)
      return refused(
        `It names the input "${id.slice(0, 100)}", which the file does not define in a way that can be used.`,
      );
    inputs.push(input);
  }
  return { name, entry: clean, reason: undefined, notes, inputs };
}

function sentence(reason: string): string {
  return reason.replace(/^it /, '');
}

/** Members that no server of ours has: named, and left out. Those of VS Code that change what runs are refused instead. */
function withoutUnknown(name: string, entry: Entry, notes: string[]): Entry {
  const known = new Set(['type', 'command', 'args', 'env', 'cwd', 'url', 'headers', 'lifeline']);
  const refused = new Set(['sandbox', 'sandboxEnabled', 'dev', 'envFile', 'oauth']);
  const left = Object.keys(entry).filter((key) => !known.has(key) && !refused.has(key));
  if (left.length > 0) notes.push(`Left out: ${left.slice(0, 10).join(', ')}.`);
  const kept = Object.fromEntries(
    Object.entries(entry).filter(([key]) => known.has(key) || refused.has(key)),
  );
  const { problems } = parseServerTemplate(name, kept, {
    pathPrefix: 'servers',
    trustByDefault: true,
    scope: anyScope,
  });
  for (const { path, message } of problems)
    if (path.includes('.env.') || path.includes('.headers.')) notes.push(`"${path}" ${message}.`);
  return kept;
}

const ownBusiness = new Set([
  'alwaysAllow',
  'autoApprove',
  'disabledTools',
  'watchPaths',
  'description',
  'name',
  'icon',
  'isActive',
]);

/** The shape of most clients; they differ in how they name an address, and in what they keep beside. */
function fromOthers(given: Entry, format: SourceFormat, notes: string[]): Entry {
  const { type, transport, transportType, url, serverUrl, httpUrl, disabled, enabled, timeout, ...others } =
    given;
  // Approvals are the client's own business.
  const rest = Object.fromEntries(Object.entries(others).filter(([key]) => !ownBusiness.has(key)));
  const address = url ?? serverUrl ?? httpUrl;
  const kind = type ?? transport ?? transportType;
  const lifeline: Entry = {};
  if (disabled === true || enabled === false) {
    lifeline['enabled'] = false;
    notes.push('It is disabled there, and stays so.');
  }
  if (typeof timeout === 'number' && timeout >= 1)
    // Seconds, an hour at most (Cline, Roo Code), or milliseconds.
    lifeline['connection'] = { requestTimeout: Math.min(600, timeout > 3_600 ? timeout / 1_000 : timeout) };
  const entry: Entry = {
    ...(kind === undefined ? {} : { type: transportOf(kind) }),
    ...rest,
    ...(address === undefined ? {} : { url: address }),
    ...(Object.keys(lifeline).length === 0 ? {} : { lifeline }),
  };
  return format === 'claudeCode' ? (withClaudeVariables(entry, notes) as Entry) : entry;
}

function transportOf(kind: unknown): unknown {
  return typeof kind === 'string' && /^(?:streamable[-_ ]?http|http-stream|http)$/i.test(kind)
    ? 'http'
    : kind;
}

/** Claude Code writes `${VAR}` and `${VAR:-default}` for variables of the environment. */
function withClaudeVariables(value: unknown, notes: string[]): unknown {
  if (typeof value === 'string')
    return value.replace(/\$\{([A-Za-z_]\w*)(:-[^}]*)?\}/g, (_, name: string, fallback?: string) => {
      if (fallback !== undefined) notes.push(`The default of the variable "${name}" is left out.`);
      return `\${env:${name}}`;
    });
  if (Array.isArray(value)) return value.map((item) => withClaudeVariables(item, notes));
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, withClaudeVariables(item, notes)]),
  );
}

/** `[mcp_servers.name]` of Codex. */
function fromCodex(given: Entry, notes: string[]): Entry {
  const {
    http_headers: headers,
    env_http_headers: envHeaders,
    bearer_token_env_var: bearer,
    enabled,
    tool_timeout_sec: toolTimeout,
    startup_timeout_sec: startTimeout,
    startup_timeout_ms: startTimeoutMs,
    ...others
  } = given;
  // What `env_vars` names is inherited here anyway.
  const rest = Object.fromEntries(Object.entries(others).filter(([key]) => key !== 'env_vars'));
  if (startTimeout !== undefined || startTimeoutMs !== undefined)
    notes.push('How long its start may take is left out: 30 s, or 120 s for npx and uvx.');
  const all: Entry = { ...(isRecord(headers) ? headers : {}) };
  if (isRecord(envHeaders))
    for (const [name, variable] of Object.entries(envHeaders))
      if (typeof variable === 'string') all[name] = `\${env:${variable}}`;
  if (typeof bearer === 'string') all['Authorization'] = `Bearer \${env:${bearer}}`;
  const lifeline: Entry = {};
  if (enabled === false) {
    lifeline['enabled'] = false;
    notes.push('It is disabled there, and stays so.');
  }
  if (typeof toolTimeout === 'number' && toolTimeout >= 1)
    lifeline['connection'] = { requestTimeout: Math.min(600, toolTimeout) };
  return {
    ...rest,
    ...(Object.keys(all).length === 0 ? {} : { headers: all }),
    ...(Object.keys(lifeline).length === 0 ? {} : { lifeline }),
  };
}
