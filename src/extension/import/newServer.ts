import { readJson } from '../../shared/settings/jsonc.ts';
import { parseServerConfig } from '../../shared/settings/serverConfig.ts';
import type { Translate } from '../translate.ts';
import type { CommandLine, Remark } from './commandLine.ts';
import type { SourceFormat } from './sources.ts';

/** What the wizard of "Add Server…" reads and proposes (requirements R12.4). Pure. */

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isThisMachine(host: string): boolean {
  return /^(?:localhost|.*\.localhost|127(?:\.\d+){3}|\[::1\])$/i.test(host);
}

/** What is wrong with an address, or may be. */
export function remarkOnUrl(text: string, t: Translate): Remark | undefined {
  const error = (message: string): Remark => ({ severity: 'error', message });
  const url = text.trim();
  if (url === '') return error(t('Enter the address of the server, such as {0}', 'https://example.com/mcp'));
  if (url.includes('${')) return undefined;
  if (!/^https?:\/\//i.test(url)) return error(t('It must begin with {0} or {1}', 'https://', 'http://'));
  if (!URL.canParse(url)) return error(t('This is no address of a server.'));
  const { username, password, protocol, hostname, pathname } = new URL(url);
  if (username !== '' || password !== '')
    return error(t('It must not hold a user name or password; send them as a header.'));
  if (protocol === 'http:' && !isThisMachine(hostname))
    return {
      severity: 'warning',
      message: t(
        'With http:// everything goes over the network unencrypted, tokens too. Use https:// if the server has it.',
      ),
    };
  if (/\/sse\/?$/.test(pathname))
    return {
      severity: 'warning',
      message: t(
        'This looks like the older HTTP+SSE transport, which is not supported. Many servers have {0} too.',
        '/mcp',
      ),
    };
  return undefined;
}

/** Why a server cannot be called this; `undefined` when it can. `taken`: every server that VS Code lists or may list, whatever its case. */
export function remarkOnName(name: string, taken: Iterable<string>, t: Translate): Remark | undefined {
  const error = (message: string): Remark => ({ severity: 'error', message });
  const given = name.trim();
  if (given === '') return error(t('Enter a name.'));
  const clash = [...taken].find((other) => other.toLowerCase() === given.toLowerCase());
  if (clash !== undefined)
    return error(
      t('There is a server "{0}" already; of two with one name VS Code would switch one off.', clash),
    );
  const { config } = parseServerConfig(given, { command: 'x' }, { pathPrefix: 's', trustByDefault: true });
  return config === undefined ? error(t('A server cannot be called this.')) : undefined;
}

/** `NAME=value` or `Name: value`, as one line of what a server is given besides; nothing at all is fine. */
export function readPair(
  text: string,
  kind: 'env' | 'headers',
): { readonly name: string; readonly value: string } | undefined {
  const pattern = kind === 'env' ? /^\s*([^=\s]+)\s*=(.*)$/s : /^\s*([^:\s]+)\s*:\s*(.*?)\s*$/s;
  const [, name, value] = pattern.exec(text) ?? [];
  return name === undefined || value === undefined ? undefined : { name, value };
}

export function remarkOnPair(text: string, kind: 'env' | 'headers', t: Translate): Remark | undefined {
  if (text.trim() === '') return undefined;
  const error = (message: string): Remark => ({ severity: 'error', message });
  const pair = readPair(text, kind);
  if (pair === undefined)
    return error(
      kind === 'env'
        ? t('Write NAME=value, or nothing to go on.')
        : t('Write Name: value, or nothing to go on.'),
    );
  const entry =
    kind === 'env'
      ? { command: 'x', env: { [pair.name]: pair.value } }
      : { url: 'https://x.invalid/', headers: { [pair.name]: pair.value } };
  const [problem] = parseServerConfig('s', entry, { pathPrefix: '', trustByDefault: true }).problems;
  if (problem === undefined || pair.value.includes('${')) return undefined;
  return error(
    kind === 'env'
      ? t('"{0}" cannot be set for a server.', pair.name)
      : t('"{0}" cannot be sent: the protocol sets it itself, or it is no header.', pair.name),
  );
}

const runners =
  /^(?:npx|bunx|pnpx|uvx|pipx|docker|podman|node|deno|bun|python\d?(?:\.\d+)?|uv)(?:\.(?:exe|cmd))?$/i;

/** What a person would call it: the package's or program's own name, without what all of them have in it. */
export function nameOfCommand({ command, args }: Pick<CommandLine, 'command' | 'args'>): string {
  const program = command.split(/[\\/]/).at(-1) ?? command;
  const words = args.filter(
    (arg) => !arg.startsWith('-') && !/^(?:run|exec|tool|x)$/.test(arg) && !arg.includes('='),
  );
  const told = runners.test(program) ? (words[0] ?? program) : program;
  // `@playwright/mcp` is Playwright's: its own name says nothing.
  const scoped = /^@([^/]+)\/(?:mcp|server|mcp-server)(?:@.*)?$/.exec(told)?.[1];
  if (scoped !== undefined) return shortened(scoped);
  return shortened(
    told
      .replace(/^(.+)@[^@/]*$/, '$1')
      .replace(/:[^/:]*$/, '')
      .split(/[\\/]/)
      .at(-1) ?? told,
  );
}

/** The name of the service in an address: `mcp.linear.app` is Linear's. */
export function nameOfUrl(text: string): string {
  if (!URL.canParse(text)) return 'server';
  const { hostname, port } = new URL(text);
  if (isThisMachine(hostname) || /^[\d.]+$|^\[/.test(hostname))
    return port === '' ? 'local' : `local-${port}`;
  const labels = hostname.split('.').filter((label) => !/^(?:www|mcp|api)$/.test(label));
  return shortened(labels[0] ?? hostname);
}

function shortened(name: string): string {
  const bare = name
    .replace(/\.(?:m?[jt]s|cjs|py|exe|cmd|sh)$/i, '')
    .replace(/^(?:mcp-server|server-mcp|server|mcp)[-_]/i, '')
    .replace(/[-_](?:mcp-server|server-mcp|mcp|server)$/i, '');
  return bare === '' ? 'server' : bare.slice(0, 60);
}

/**
 * What somebody copied from a manual: the whole of an `mcp.json` or of another client's file, its object of servers, one member of it, or a bare entry
 * (`isBare`: its name says nothing). Else a sentence without its subject says why.
 */
export function asSourceText(
  pasted: string,
):
  | { readonly text: string; readonly format: SourceFormat; readonly isBare: boolean }
  | { readonly problem: string } {
  const text = pasted.trim();
  if (/^\[\s*"?mcp_servers/.test(text)) return { text, format: 'codex', isBare: false };
  // A member without the braces around it, as manuals show it.
  const wrapped = text.startsWith('"') ? `{${text}}` : text;
  const read = readJson(wrapped);
  if ('problem' in read) return { problem: read.problem };
  if (!isRecord(read.value)) return { problem: 'it is not an object.' };
  const root = read.value;
  const inner = isRecord(root['mcp']) ? root['mcp'] : root;
  const own = root['mcpLifeline.servers'];
  const as = (
    value: unknown,
    format: SourceFormat,
  ): { text: string; format: SourceFormat; isBare: boolean } => ({
    text: JSON.stringify(value),
    format,
    isBare: false,
  });
  if (isRecord(own)) return as({ servers: own, inputs: root['mcpLifeline.inputs'] }, 'vscode');
  if (isRecord(inner['servers'])) return as(inner, 'vscode');
  if (isRecord(root['mcpServers'])) return as(root, 'mcpServers');
  const isEntry = (value: unknown): boolean =>
    isRecord(value) &&
    ['command', 'url', 'serverUrl', 'httpUrl'].some((key) => typeof value[key] === 'string');
  if (isEntry(root)) {
    const named = typeof root['name'] === 'string' && root['name'] !== '' ? root['name'] : undefined;
    return {
      ...as({ mcpServers: { [named ?? 'server']: root } }, 'mcpServers'),
      isBare: named === undefined,
    };
  }
  const members = Object.values(root);
  if (members.length > 0 && members.every(isEntry)) return as({ mcpServers: root }, 'mcpServers');
  return { problem: 'it has no server in it.' };
}

/** A name for an entry that came without one. */
export function nameOfEntry(entry: Readonly<Record<string, unknown>>): string {
  if (typeof entry['url'] === 'string') return nameOfUrl(entry['url']);
  const { command, args } = entry;
  const words = Array.isArray(args) ? args.filter((arg): arg is string => typeof arg === 'string') : [];
  return typeof command === 'string' ? nameOfCommand({ command, args: words }) : 'server';
}
